//! Forms with a file, RFC 7578.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::mem::take;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::MAX_BODY;

const PIECE: usize = 16 * 1_024;
const MOST_PARTS: usize = 100;

#[derive(Clone)]
pub(super) struct SentFile {
    /// The beginning of a longer file.
    pub(super) bytes: Vec<u8>,
    pub(super) length: usize,
}

#[derive(Default)]
pub(super) struct Parts {
    pub(super) fields: Vec<(String, String)>,
    pub(super) file: Option<SentFile>,
}

/// Keeps the beginning of a long file, so that the form can say that it is too long. All else together has the length of other
/// forms: texts, names and heads of parts.
pub(super) async fn read(body: Body, boundary: String) -> Option<Parts> {
    let allowance = Arc::new(AtomicUsize::new(MAX_BODY.saturating_add(PIECE)));
    let pieces = Pieces::new(body, Arc::clone(&allowance));
    let mut parts = multer::Multipart::new(pieces, boundary);
    let mut read = Parts::default();
    let (mut space, mut space_of_file) = (MAX_BODY, MAX_BODY);
    let mut count: usize = 0;
    while let Some(mut part) = parts.next_field().await.ok()? {
        count = count.saturating_add(1);
        if count > MOST_PARTS {
            return None;
        }
        let (name, is_file) = (part.name().map(str::to_owned), part.file_name().is_some());
        let space = if is_file { &mut space_of_file } else { &mut space };
        let mut value = SentFile { bytes: Vec::new(), length: 0 };
        while let Some(chunk) = part.chunk().await.ok()? {
            if is_file {
                allowance.fetch_add(chunk.len(), Ordering::Relaxed);
            }
            let kept = chunk.get(..chunk.len().min(*space)).unwrap_or_default();
            value.bytes.extend_from_slice(kept);
            value.length = value.length.saturating_add(chunk.len());
            *space = space.saturating_sub(chunk.len());
        }
        match name {
            _ if is_file => read.file = Some(value).filter(|file| file.length > 0).or(read.file),
            // Only a file is cut.
            _ if value.bytes.len() < value.length => return None,
            Some(name) => read.fields.push((name, String::from_utf8(value.bytes).ok()?)),
            None => {}
        }
    }
    Some(read)
}

/// A body in small pieces with a pause after each: `multer` keeps all that it gets before it looks for a part. Fails when it has
/// given more than the allowance.
struct Pieces {
    body: BodyDataStream,
    rest: Bytes,
    allowance: Arc<AtomicUsize>,
    pauses: bool,
}

impl Pieces {
    fn new(body: Body, allowance: Arc<AtomicUsize>) -> Self {
        Self { body: body.into_data_stream(), rest: Bytes::new(), allowance, pauses: false }
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match ready!(self.body.poll_next_unpin(context)).transpose()? {
                Some(data) => self.rest = data,
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.pauses = true;
        let take = |left: usize| left.checked_sub(length);
        match self.allowance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Poll::Ready(Some(Ok(piece))),
            Err(_) => Poll::Ready(Some(Err(axum::Error::new("the parts of the form are too long")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn form(body: impl Into<Body>) -> Option<(Vec<(String, String)>, Option<(usize, usize)>)> {
        let parts = read(body.into(), "b".to_owned()).await?;
        Some((parts.fields, parts.file.map(|file| (file.bytes.len(), file.length))))
    }

    #[tokio::test]
    async fn a_long_file_is_cut_and_a_long_text_is_refused() {
        let read = async |text: usize, file: usize| {
            let (text, file) = ("t".repeat(text), "f".repeat(file));
            let body = format!(
                "--b\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a\"\r\n\r\n{file}\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{text}\r\n--b--\r\n"
            );
            let (fields, file) = form(body).await?;
            Some((fields[0].1.len(), file))
        };
        let long = 40 * MAX_BODY;
        for (text, file, expected) in [
            (10, 20, Some((10, Some((20, 20))))),
            (10, 0, Some((10, None))),
            (10, long, Some((10, Some((MAX_BODY, long))))),
            (long, 20, None),
        ] {
            assert_eq!(read(text, file).await, expected, "{text} {file}");
        }
    }

    /// Counts the bytes that are read of a body without an end.
    async fn read_of_endless(head: &str, more: &str) -> usize {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let (head, more) = (Bytes::from(head.to_owned()), Bytes::from(more.to_owned()));
        let chunks =
            futures_util::stream::once(async { head }).chain(futures_util::stream::repeat_with(move || more.clone()));
        let body = chunks.map(move |chunk| {
            counted.fetch_add(chunk.len(), Ordering::Relaxed);
            Ok::<_, axum::Error>(chunk)
        });
        let endless = body.take(10_000);
        assert!(form(Body::from_stream(endless)).await.is_none());
        read.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn heads_and_names_of_parts_count() {
        let part = |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n\r\n");
        let file =
            |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n\r\n");
        let long = "n".repeat(8_000);
        for (head, more) in [
            (String::new(), part(&long)),
            (String::new(), file(&long)),
            (String::new(), part("")),
            // A head without an end, and what stands before the first part.
            ("--b\r\nContent-Disposition: form-data; name=\"a".to_owned(), long.clone()),
            (String::new(), "\r\n".repeat(4_000)),
        ] {
            let read = read_of_endless(&head, &more).await;
            assert!(read <= 2 * MAX_BODY, "{read} bytes of {} were read", &more[..40.min(more.len())]);
        }
    }

    #[tokio::test]
    async fn many_parts_are_refused() {
        for (count, is_read) in [(MOST_PARTS, true), (MOST_PARTS + 1, false)] {
            let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
            let body = format!("{}--b--\r\n", part.repeat(count));
            assert_eq!(form(body).await.is_some(), is_read, "{count}");
        }
    }
}
