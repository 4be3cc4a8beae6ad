//! Tables of plain text: columns aligned, no lines.

use comfy_table::{CellAlignment, Table, presets};

/// Lays out `rows` under `header`, if there is one; the columns of `right` are aligned to the right.
pub fn table(header: &[&str], rows: Vec<Vec<String>>, right: impl IntoIterator<Item = usize>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !header.is_empty() {
        table.set_header(header);
    }
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for index in right {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}

/// One line of at most `width` characters that shows how `text` begins.
pub fn beginning(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(width) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
