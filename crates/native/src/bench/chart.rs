//! Charts of lines, as SVG.

use anyhow::anyhow;
use plotters::prelude::*;

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

const SIZE: (u32, u32) = (760, 380);
const FONT: &str = "system-ui, sans-serif";

/// A chart of these lines, x logarithmic with base 2.
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
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(1.0, f64::max);
    let (most_x, most_y) = (most(|point| point.0), most(|point| point.1));
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d((1.0..most_x.max(2.0)).log_scale().base(2.0), 0.0..1.08 * most_y)?;
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
    for line in lines {
        let stroke = Palette99::pick(line.color).stroke_width(if line.is_others { 1 } else { 3 });
        let drawn = if line.is_others {
            chart.draw_series(DashedLineSeries::new(line.points.iter().copied(), 5, 4, stroke))?
        } else {
            chart.draw_series(LineSeries::new(line.points.iter().copied(), stroke).point_size(3))?
        };
        drawn.label(&line.name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], stroke));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .label_font(style)
        .draw()?;
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
            points: vec![(1.0, 3.0), (64.0, 9.0)],
            is_others,
        };
        let svg =
            chart("texts", "texts/s", &[line("500 <characters>", false), line("sidecar", true)]).expect("it is drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("500 &lt;characters&gt;") && svg.contains("sidecar") && svg.contains("polyline"), "{svg}");
        chart("texts", "texts/s", &[]).expect("an empty one, too");
    }
}
