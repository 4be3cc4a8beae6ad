//! Charts of lines, as SVG.

use anyhow::anyhow;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// One line of a chart.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    /// Lines of one color belong together.
    pub color: usize,
    /// Ascending in x.
    pub points: Vec<(f64, f64)>,
    /// Drawn thin: what others measured.
    pub is_others: bool,
}

const SIZE: (u32, u32) = (960, 400);
/// Where the names begin: beside the lines.
const NAMES: u32 = 730;
/// Dark enough for thin lines on white.
const COLORS: [RGBColor; 5] = [
    RGBColor(200, 30, 50),
    RGBColor(20, 130, 70),
    RGBColor(190, 110, 0),
    RGBColor(30, 90, 200),
    RGBColor(130, 50, 160),
];
/// Pixels from one name to the next.
const ROW: i32 = 24;
const FONT: &str = "system-ui, sans-serif";

/// A chart of these lines, x logarithmic with base 2 and marked where there are points.
///
/// # Errors
/// Where plotters cannot draw it.
pub fn chart(x: &str, y: &str, lines: &[Line]) -> anyhow::Result<String> {
    let mut svg = String::new();
    draw(&mut svg, x, y, lines).map_err(|error| anyhow!("a chart could not be drawn: {error}"))?;
    Ok(svg)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(svg: &mut String, x: &str, y: &str, lines: &[Line]) -> Drawn {
    let points = || lines.iter().flat_map(|line| &line.points);
    let mut measured: Vec<f64> = points().map(|point| point.0).collect();
    measured.sort_by(f64::total_cmp);
    measured.dedup();
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(1.0, f64::max);
    let (most_x, most_y) = (most(|point| point.0), most(|point| point.1));
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, names) = area.split_horizontally(NAMES);
    let mut chart = ChartBuilder::on(&left).margin(12).x_label_area_size(42).y_label_area_size(64).build_cartesian_2d(
        (1.0..most_x.max(2.0)).log_scale().base(2.0).with_key_points(measured),
        0.0..1.08 * most_y,
    )?;
    let number = |value: &f64| format!("{value:.0}");
    let style = (FONT, 14).into_font();
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .label_style(style.clone())
        .draw()?;
    for (line, y) in lines.iter().zip((24..).step_by(ROW as usize)) {
        let stroke = COLORS[line.color % COLORS.len()].stroke_width(if line.is_others { 1 } else { 3 });
        if line.is_others {
            chart.draw_series(DashedLineSeries::new(line.points.iter().copied(), 5, 4, stroke))?;
            let dashes = [(0, 6), (10, 16), (20, 26)];
            for (from, to) in dashes {
                names.draw(&PathElement::new([(from, y), (to, y)], stroke))?;
            }
        } else {
            chart.draw_series(LineSeries::new(line.points.iter().copied(), stroke).point_size(3))?;
            names.draw(&PathElement::new([(0, y), (26, y)], stroke))?;
        }
        let middle = Pos::new(HPos::Left, VPos::Center);
        names.draw(&Text::new(line.name.as_str(), (34, y), style.clone().into_text_style(&names).pos(middle)))?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_names() {
        let line = |name: &str, is_others| Line {
            name: name.to_owned(),
            color: 0,
            points: vec![(1.0, 300.0), (2.0, 500.0), (3.0, 900.0)],
            is_others,
        };
        let svg =
            chart("texts", "texts/s", &[line("500 <characters>", false), line("sidecar", true)]).expect("it is drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("500 &lt;characters&gt;") && svg.contains("sidecar") && svg.contains("polyline"), "{svg}");
        for mark in [">1<", ">2<", ">3<"] {
            assert_eq!(svg.replace("\n", "").matches(mark).count(), 1, "{mark} in {svg}");
        }
        chart("texts", "texts/s", &[]).expect("an empty one, too");
    }
}
