//! Files of comma-separated values, RFC 4180.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::error::ManagementError;

pub(super) type Row = Vec<String>;

/// `name` has no extension.
pub(super) fn download(
    name: &str,
    columns: &[&str],
    pages: impl Stream<Item = Result<Vec<Row>, ManagementError>> + Send + 'static,
) -> Response {
    let head = columns.iter().map(|column| (*column).to_owned()).collect();
    let body = stream::once(async move { Ok(vec![head]) }).chain(pages).map(|page| text(&page?));
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{plain}.csv\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(body)).into_response()
}

fn text(rows: &[Row]) -> Result<Bytes, ManagementError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        // A spreadsheet with `;` or a tab as its separator does not split a cell in quotes.
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.write_record(row.iter().map(|cell| harmless(cell))));
    let bytes = written.and_then(|()| writer.into_inner().map_err(|error| error.into_error().into()));
    bytes.map(Bytes::from).map_err(|error: csv::Error| {
        tracing::error!(%error, "a file could not be written");
        ManagementError::Internal
    })
}

/// Spreadsheets run a cell that begins like a formula. An apostrophe in front stops them (OWASP, "CSV Injection").
/// Some skip blanks, or take the wide forms of East Asian input.
fn harmless(cell: &str) -> String {
    let first = cell.chars().find(|c| !c.is_whitespace() && !c.is_control());
    let is_formula =
        first.is_some_and(|c| "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}\u{fe66}\u{fe62}\u{fe63}\u{fe6b}".contains(c));
    if is_formula || cell.starts_with(['\t', '\r', '\n']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_run_nothing_and_are_quoted() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1+1", "' =1+1"),
            ("\t=1+1", "'\t=1+1"),
            ("\u{a0}\u{3000}=1+1", "'\u{a0}\u{3000}=1+1"),
            ("\u{ff1d}1+1", "'\u{ff1d}1+1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{ff0d}1", "'\u{ff0d}1"),
            ("\u{ff20}SUM(A1)", "'\u{ff20}SUM(A1)"),
            ("\u{fe66}1", "'\u{fe66}1"),
            ("x;=1+1", "x;=1+1"),
            ("a,b", "a,b"),
            ("say \"x\"", "say \"\"x\"\""),
            ("two\nlines", "two\nlines"),
        ] {
            let text = text(&[vec![cell.to_owned(), "next".to_owned()]]).unwrap();
            assert_eq!(text, format!("\"{expected}\",\"next\"\r\n"));
        }
    }
}
