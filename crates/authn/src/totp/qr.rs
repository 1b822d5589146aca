//! A QR code: as SVG, and as its modules for those who draw it themselves.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// Light modules around the code that scanners need (ISO/IEC 18004 §9.1).
const QUIET_MODULES: usize = 4;

/// A QR code (ISO/IEC 18004): a square of modules, without the light margin that scanners need around it. It holds the
/// secret, and is wiped when dropped.
pub struct QrModules {
    /// Modules in a row.
    pub width: usize,
    /// Row by row; true is dark.
    pub dark: Zeroizing<Vec<bool>>,
}

/// The modules of `text` as a QR code; `None` when it is longer than any code holds.
pub(super) fn modules(text: &str) -> Option<QrModules> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let dark = code.into_colors().into_iter().map(|color| color == Color::Dark).collect();
    Some(QrModules { width, dark: Zeroizing::new(dark) })
}

/// `text` as a QR code; empty when it is longer than any code holds (2,331 bytes), which an enrolment address with
/// its bounded names never is.
pub(super) fn svg(text: &str) -> Zeroizing<String> {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return Zeroizing::new(String::new());
    };
    let width = code.width();
    let colors = code.into_colors();
    let side = width + 2 * QUIET_MODULES;
    // A run of dark modules takes at most 20 bytes and there is at most one for every two modules.
    let mut out = Zeroizing::new(String::with_capacity(512 + width * width * 10));
    let _ = write!(
        *out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" class=\"qr\" role=\"img\" \
         aria-label=\"QR code\" shape-rendering=\"crispEdges\">\
         <rect class=\"qr-plate\" width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
         <path class=\"qr-dark\" fill=\"#000\" d=\""
    );
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let run = row[x..].iter().take_while(|color| **color == Color::Dark).count();
            if run > 0 {
                let _ = write!(*out, "M{} {}h{run}v1h-{run}z", x + QUIET_MODULES, y + QUIET_MODULES);
            }
            x += run.max(1);
        }
    }
    out.push_str("\"/></svg>");
    out
}
