use std::path::Path;

use plotters::prelude::*;

const WIDTH: u32 = 760;
const ROW: i32 = 26;
const LEFT: i32 = 220;
const BARS: f64 = 440.0;
const TITLE: i32 = 44;

pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) bars: Vec<(String, f64)>,
}

pub(crate) fn draw(file: &Path, groups: &[Group]) {
    let height: i32 = groups.iter().map(|group| TITLE + ROW * group.bars.len() as i32).sum::<i32>() + 16;
    let area = SVGBackend::new(file, (WIDTH, height.unsigned_abs())).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let mut top = 0;
    for group in groups {
        area.draw(&Text::new(group.title, (16, top + 20), ("sans-serif", 15))).unwrap();
        top += TITLE;
        let values = || group.bars.iter().map(|(_, value)| value.log10());
        // The shortest bar is a tenth of a decade, so that it is visible.
        let (least, most) = (values().fold(f64::MAX, f64::min) - 0.1, values().fold(f64::MIN, f64::max));
        for (name, value) in &group.bars {
            let length = ((value.log10() - least) / (most - least) * BARS) as i32;
            let colour = if name.starts_with("keyward") { RGBColor(31, 111, 139) } else { RGBColor(168, 176, 184) };
            area.draw(&Text::new(name.as_str(), (16, top + 4), ("sans-serif", 13))).unwrap();
            area.draw(&Rectangle::new([(LEFT, top), (LEFT + length, top + ROW - 8)], colour.filled())).unwrap();
            area.draw(&Text::new(show(*value), (LEFT + length + 8, top + 4), ("sans-serif", 13))).unwrap();
            top += ROW;
        }
    }
    area.present().unwrap();
}

pub(crate) fn show(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}
