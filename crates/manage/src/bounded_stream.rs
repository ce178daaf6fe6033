use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

const CHUNK: usize = 4_096;

/// A connection that is read up to a number of bytes.
///
/// hyper skips any number of 1xx answers before the final one, and does not yield while more are there.
pub(crate) struct BoundedStream<S> {
    stream: S,
    left: usize,
}

impl<S> BoundedStream<S> {
    pub(crate) fn new(stream: S, most: usize) -> Self {
        Self { stream, left: most }
    }
}

impl<S: Read + Unpin> Read for BoundedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the head of the answer is too long")));
        }
        let mut chunk = [0; CHUNK];
        let most = CHUNK.min(self.left).min(buf.remaining());
        let Some(space) = chunk.get_mut(..most) else { return Poll::Ready(Ok(())) };
        let mut read = ReadBuf::new(space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, read.unfilled()))?;
        self.left = self.left.saturating_sub(read.filled().len());
        buf.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: Write + Unpin> Write for BoundedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Connection> Connection for BoundedStream<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
