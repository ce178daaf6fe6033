use std::fmt;
use std::str::FromStr;

pub use keyward_api_types::Theme;
use keyward_api_types::ThemeError;
use serde::{Deserialize, Serialize};

use crate::error::ManagementError;

pub(crate) const MAX_LOGO_BYTES: usize = 32 * 1_024;
/// A browser unpacks the whole image: 4 bytes for each pixel.
const MAX_LOGO_SIDE: usize = 2_048;
/// WCAG 2.2 section 1.4.3.
const MIN_CONTRAST: f64 = 4.5;
const LIGHT: Colour = Colour([0xee, 0xf0, 0xf5]);
/// The backgrounds of links in `dashboard.css`: rows under the pointer, and notes.
#[cfg(feature = "dashboard")]
const LIGHT_BACKS: [Colour; 5] = [
    LIGHT,
    Colour([0xe4, 0xf4, 0xea]),
    Colour([0xfd, 0xeb, 0xec]),
    Colour([0xfd, 0xf2, 0xdc]),
    Colour([0xe8, 0xee, 0xfb]),
];
#[cfg(feature = "dashboard")]
const DARK_BACKS: [Colour; 5] = [
    Colour([0x23, 0x27, 0x31]),
    Colour([0x14, 0x30, 0x1f]),
    Colour([0x3a, 0x18, 0x1b]),
    Colour([0x33, 0x26, 0x0d]),
    Colour([0x1a, 0x25, 0x46]),
];

impl From<ThemeError> for ManagementError {
    fn from(_: ThemeError) -> Self {
        Self::invalid("theme", "expected system, light or dark")
    }
}

/// A colour with enough contrast on light backgrounds.
///
/// # Examples
/// ```
/// use keyward::manage::Accent;
///
/// assert!("#6d28d9".parse::<Accent>().is_ok());
/// assert!("#ffe066".parse::<Accent>().is_err(), "too pale on white");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Accent(Colour);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Colour {
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Returns the nearest colour towards `end` that has enough contrast on all of these backgrounds.
    #[cfg(feature = "dashboard")]
    fn readable_on(self, backs: &[Self], end: Self) -> Self {
        let fits = |colour: &Self| backs.iter().all(|back| colour.contrast(*back) >= MIN_CONTRAST);
        (0..=100).map(|part| self.towards(end, part)).find(fits).unwrap_or(end)
    }

    #[cfg(feature = "dashboard")]
    fn towards(self, other: Self, hundredths: u32) -> Self {
        let mut mixed = self.0;
        for (part, other) in mixed.iter_mut().zip(other.0) {
            let sum = u32::from(*part) * (100 - hundredths) + u32::from(other) * hundredths;
            *part = u8::try_from(sum / 100).unwrap_or(u8::MAX);
        }
        Self(mixed)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Accent {
    type Err = ManagementError;

    fn from_str(text: &str) -> Result<Self, ManagementError> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let bytes =
            digits.and_then(|digits| hex::decode(digits).ok()).and_then(|bytes| <[u8; 3]>::try_from(bytes).ok());
        let colour =
            bytes.map(Colour).ok_or_else(|| ManagementError::invalid("accent", "expected a colour such as #3c4cc0"))?;
        let contrast = colour.contrast(LIGHT);
        if contrast < MIN_CONTRAST {
            let why = format!(
                "{text} has a contrast of {contrast:.1} to 1 on light pages: expected a darker colour, with 4.5 or more"
            );
            return Err(ManagementError::invalid("accent", why));
        }
        Ok(Self(colour))
    }
}

impl TryFrom<String> for Accent {
    type Error = ManagementError;

    fn try_from(text: String) -> Result<Self, ManagementError> {
        text.parse()
    }
}

impl From<Accent> for String {
    fn from(accent: Accent) -> Self {
        accent.to_string()
    }
}

impl Accent {
    #[cfg(feature = "dashboard")]
    pub(crate) fn style(self) -> String {
        let (white, black) = (Colour([255; 3]), Colour([0; 3]));
        let hover = self.0.towards(black, 20);
        let link = self.0.readable_on(&LIGHT_BACKS, black);
        let dark = self.0.readable_on(&DARK_BACKS, white);
        let dark_hover = dark.towards(white, 25);
        let dark = format!("--accent:{dark};--accent-hover:{dark_hover};--link:{dark};--focus:{dark}");
        format!(
            ":root{{--accent:{0};--accent-hover:{hover};--link:{link};--focus:{0}}}\n[data-theme=\"dark\"]{{{dark}}}\n\
             @media (prefers-color-scheme: dark){{[data-theme=\"system\"]{{{dark}}}}}\n",
            self.0
        )
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Logo {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Logo {
    pub(crate) fn of(bytes: Vec<u8>) -> Result<Self, ManagementError> {
        if bytes.len() > MAX_LOGO_BYTES {
            let message = format!("{} bytes are too many: expected at most 32 KiB", bytes.len());
            return Err(ManagementError::invalid("logo", message));
        }
        let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        let media_type = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            "image/jpeg"
        } else if is_webp {
            "image/webp"
        } else {
            return Err(ManagementError::invalid("logo", "unknown format: expected a PNG, JPEG or WebP image"));
        };
        let size = imagesize::blob_size(&bytes).map_err(|_| {
            ManagementError::invalid("logo", "its width and height cannot be read: expected a whole image")
        })?;
        if size.width.max(size.height) > MAX_LOGO_SIDE {
            let message = format!(
                "{} by {} pixels are too many: expected at most {MAX_LOGO_SIDE} on each side",
                size.width, size.height
            );
            return Err(ManagementError::invalid("logo", message));
        }
        Ok(Self { media_type, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accent_can_be_read_in_light_and_in_dark() {
        for (text, fits) in [
            ("#3c4cc0", true),
            ("#6D28D9", true),
            ("#000000", true),
            ("#b91c1c", true),
            ("#0a7d3c", true),
            ("#8a4b00", true),
            ("#777777", false),
            ("#ffffff", false),
            ("#ffe066", false),
            ("3c4cc0", false),
            ("#3c4", false),
            ("#3c4cg0", false),
            ("#3c4cc0;}", false),
            ("red", false),
        ] {
            let accent = text.parse::<Accent>();
            assert_eq!(accent.is_ok(), fits, "{text}");
            #[cfg(feature = "dashboard")]
            if let Ok(accent) = accent {
                let style = accent.style();
                let links = style.split("--link:#").skip(1).map(|rest| hex::decode(&rest[..6]).unwrap());
                let links: Vec<Colour> = links.map(|link| Colour([link[0], link[1], link[2]])).collect();
                for (link, backs) in [(links[0], LIGHT_BACKS), (links[1], DARK_BACKS), (links[2], DARK_BACKS)] {
                    assert!(backs.iter().all(|back| link.contrast(*back) >= MIN_CONTRAST), "{style}");
                }
            }
        }
        assert!((Colour([0; 3]).contrast(Colour([255; 3])) - 21.0).abs() < 0.001);
    }

    #[cfg(feature = "dashboard")]
    #[test]
    fn links_have_the_backgrounds_of_the_stylesheet() {
        let sheet = include_str!("dashboard/dashboard.css");
        let mut themes = sheet.split("color-scheme: light;").nth(1).unwrap().split("[data-theme=\"dark\"] {\n");
        for (theme, backs) in [(themes.next().unwrap(), LIGHT_BACKS), (themes.next().unwrap(), DARK_BACKS)] {
            for (name, back) in ["hover", "good-back", "bad-back", "warn-back", "info-back"].into_iter().zip(backs) {
                let rest = theme.split(&format!("--{name}: ")).nth(1).unwrap();
                assert_eq!(rest.split(';').next().unwrap(), back.to_string(), "{name}");
            }
        }
    }

    #[test]
    fn a_logo_is_a_small_image_of_a_known_format() {
        let png =
            |side: u32| [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &side.to_be_bytes(), &side.to_be_bytes()].concat();
        let jpeg = |side: u16| {
            let side = side.to_be_bytes();
            [&b"\xff\xd8\xff\xc0\0\x11\x08"[..], &side, &side, b"\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"].concat()
        };
        let webp = |side: u16| {
            let side = side.to_le_bytes();
            [&b"RIFF\x1e\0\0\0WEBPVP8 \x12\0\0\0\x30\x01\0\x9d\x01\x2a"[..], &side, &side, &[0; 8]].concat()
        };
        for (bytes, media_type) in [
            (png(1), Some("image/png")),
            (png(2_048), Some("image/png")),
            (png(2_049), None),
            (png(15_900), None),
            (jpeg(2_048), Some("image/jpeg")),
            (jpeg(2_049), None),
            (webp(2_048), Some("image/webp")),
            (webp(2_049), None),
            // Its size is missing.
            (b"\x89PNG\r\n\x1a\n".to_vec(), None),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec(), None),
            (b"<!doctype html>".to_vec(), None),
            (b"GIF89a\x01\0\x01\0".to_vec(), None),
            (b"RIFF\x10\0\0\0WAVEfmt ".to_vec(), None),
            (Vec::new(), None),
        ] {
            let logo = Logo::of(bytes.clone());
            assert_eq!(logo.ok().map(|logo| logo.media_type), media_type, "{bytes:?}");
        }
        let mut large = png(1);
        large.resize(MAX_LOGO_BYTES + 1, 0);
        assert!(Logo::of(large).is_err());
    }
}
