//! Drawn pictures for the cases: a few scenes, each in every crop. They are vector graphics, so that the
//! repository has no binary files.

use std::fmt::Write as _;
use std::path::Path;

use crate::Error;

/// Where the templates find the pictures. They accept HTTP(S) URLs only.
pub const HOST: &str = "https://pictures.gallery.example/";

/// A crop's name and size.
const CROPS: [(&str, u32, u32); 6] = [
    ("lead", 1200, 600),
    ("card", 600, 338),
    ("thumb", 192, 192),
    ("portrait", 600, 900),
    ("panorama", 2400, 400),
    ("small", 160, 120),
];

/// A scene: its name, the colours of sky and ground, and what it shows.
const SCENES: [(&str, &str, &str, Motif); 10] = [
    ("lighthouse", "#0e3a4c", "#0a2733", Motif::Lighthouse),
    ("ferry", "#f3c98b", "#2f6f86", Motif::Boat),
    ("loaf", "#e7a75a", "#7a4a26", Motif::Loaf),
    ("kettles", "#4a2f52", "#2b1b33", Motif::Circles),
    ("lamps", "#1d2b4f", "#0f1830", Motif::Lamps),
    ("street", "#bfe0e8", "#6b6257", Motif::Houses),
    ("shelves", "#efe3c8", "#8a5a34", Motif::Books),
    ("market", "#f7efe0", "#3f7d52", Motif::Circles),
    ("hill", "#fbd9a0", "#4f7f57", Motif::Hill),
    ("night", "#121a3a", "#0a0f24", Motif::Stars),
];

#[derive(Clone, Copy)]
enum Motif {
    Lighthouse,
    Boat,
    Loaf,
    Circles,
    Lamps,
    Houses,
    Books,
    Hill,
    Stars,
}

/// Replaces the host of the pictures by a folder.
pub(crate) fn with_local_pictures(html: &str, folder: &str) -> String {
    html.replace(&format!("src=\"{HOST}"), &format!("src=\"{folder}"))
}

/// Writes all pictures.
pub(crate) fn write(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder)?;
    for (name, sky, ground, motif) in SCENES {
        for (crop, width, height) in CROPS {
            std::fs::write(
                folder.join(format!("{name}-{crop}.svg")),
                scene(sky, ground, motif, width, height)?,
            )?;
        }
    }
    std::fs::write(folder.join("logo.svg"), LOGO)?;
    Ok(())
}

/// Draws a scene around the centre, so that every crop shows what matters.
fn scene(sky: &str, ground: &str, motif: Motif, width: u32, height: u32) -> Result<String, Error> {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 1200 600\" \
         preserveAspectRatio=\"xMidYMid slice\"><rect x=\"-1200\" y=\"-1200\" width=\"3600\" height=\"3000\" \
         fill=\"{sky}\"/><rect x=\"-1200\" y=\"400\" width=\"3600\" height=\"1400\" fill=\"{ground}\"/>"
    );
    match motif {
        Motif::Lighthouse => svg.push_str(concat!(
            r##"<path d="M640 170L1500 40V330Z" fill="#f6d98a" opacity=".35"/>"##,
            r##"<path d="M560 420L575 170H625L640 420Z" fill="#f4efe6"/>"##,
            r##"<path d="M569 280h62l4 60h-70Z" fill="#c8372d"/>"##,
            r##"<rect x="566" y="128" width="68" height="44" fill="#f6d98a"/>"##,
            r##"<path d="M556 128L600 92L644 128Z" fill="#c8372d"/>"##,
            r##"<path d="M300 470q70 -60 150 0q-70 30 -150 0" fill="#3e7c93"/>"##,
        )),
        Motif::Boat => svg.push_str(concat!(
            r##"<circle cx="600" cy="300" r="110" fill="#f08a4b"/>"##,
            r##"<path d="M420 400H790L740 470H470Z" fill="#fff"/>"##,
            r##"<rect x="500" y="340" width="210" height="60" fill="#f3efe6"/>"##,
            r##"<rect x="560" y="280" width="40" height="60" fill="#b5402e"/>"##,
            r##"<rect x="-1200" y="462" width="3600" height="8" fill="#3f86a0"/>"##,
        )),
        Motif::Loaf => svg.push_str(concat!(
            r##"<ellipse cx="600" cy="360" rx="210" ry="120" fill="#b06a2c"/>"##,
            r##"<ellipse cx="600" cy="335" rx="190" ry="92" fill="#cf8a44"/>"##,
            r##"<path d="M500 320q40 -50 60 10M580 310q40 -50 60 10M660 316q40 -50 60 10" "##,
            r##"stroke="#f3ddb4" stroke-width="14" fill="none" stroke-linecap="round"/>"##,
        )),
        Motif::Circles => {
            for (index, colour) in ["#e2574c", "#f0b44a", "#5aa0b8", "#efe9dc", "#7bb274"].iter().enumerate()
            {
                let x = 360 + index * 120;
                let y = 330 + index % 2 * 60;
                write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"64\" fill=\"{colour}\"/>")?;
            }
        }
        Motif::Lamps => {
            for index in 0..5 {
                let x = 400 + index * 100;
                write!(
                    svg,
                    "<rect x=\"{x}\" y=\"220\" width=\"8\" height=\"220\" fill=\"#8fa0c4\"/>\
                    <circle cx=\"{}\" cy=\"205\" r=\"60\" fill=\"#ffd97a\" opacity=\".25\"/><circle cx=\"{}\" cy=\"205\" r=\"22\" fill=\"#ffd97a\"/>",
                    x + 4,
                    x + 4
                )?;
            }
        }
        Motif::Houses => {
            for (index, colour) in ["#c8553d", "#e9b44c", "#588b8b", "#d9d4c7", "#8f5d8c"].iter().enumerate()
            {
                let x = 340 + index * 108;
                write!(
                    svg,
                    "<rect x=\"{x}\" y=\"220\" width=\"100\" height=\"190\" fill=\"{colour}\"/>\
                    <path d=\"M{} 220l58 -60l58 60Z\" fill=\"#5b4636\"/><path d=\"M{} 260h24v36h-24zM{} 260h24v36h-24zM{} 340h28v70h-28z\" fill=\"#2d3a45\"/>",
                    x - 8,
                    x + 16,
                    x + 60,
                    x + 36
                )?;
            }
        }
        Motif::Books => {
            for index in 0..40 {
                let height = 130 + index * 37 % 60;
                let colour = ["#7a2f3b", "#2f5d62", "#d9a441", "#3b4a6b", "#b5533c", "#59744f"][index % 6];
                write!(
                    svg,
                    "<rect x=\"{}\" y=\"{}\" width=\"24\" height=\"{height}\" fill=\"{colour}\"/>",
                    40 + index * 28,
                    400 - height
                )?;
            }
        }
        Motif::Hill => svg.push_str(concat!(
            r##"<circle cx="700" cy="230" r="80" fill="#f5f0e0"/>"##,
            r##"<path d="M-1200 430Q300 180 1000 430T2400 430V1800H-1200Z" fill="#3f6b49"/>"##,
            r##"<path d="M520 372v-70m-34 40l34 -60l34 60Z" fill="#20402b" stroke="#20402b" "##,
            r##"stroke-width="10"/>"##,
        )),
        Motif::Stars => {
            for index in 0..60_u32 {
                let (x, y) = (index * 197 % 1200, index * 131 % 400);
                write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\" fill=\"#fff\"/>", 1 + index % 3)?;
            }
            svg += "<path d=\"M380 400L620 120L860 400Z\" fill=\"#1b2550\"/>";
        }
    }
    Ok(svg + "</svg>")
}

/// A dark wordmark without a background, the hardest case of dark mode.
const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"300\" height=\"64\" viewBox=\"0 0 300 64\">\
    <rect y=\"4\" width=\"56\" height=\"56\" rx=\"12\" fill=\"#b4381f\"/><path d=\"M16 46V18h6v11h12V18h6v28h-6V35H22v11Z\" fill=\"#fff\"/>\
    <text x=\"70\" y=\"42\" font-family=\"Helvetica,Arial,sans-serif\" font-size=\"26\" font-weight=\"700\" fill=\"#1a1a1a\">Hill Street Post</text></svg>";
