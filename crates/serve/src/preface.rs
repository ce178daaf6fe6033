//! A time-out for a connection's first bytes: hyper's begins when the protocol is known.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) struct Preface<S> {
    stream: Pin<Box<S>>,
    /// `None` once the protocol is clear.
    unclear: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Preface<S> {
    pub(crate) fn new(stream: S, timeout: Duration) -> Self {
        Self { stream: Box::pin(stream), unclear: Some((0, Box::pin(tokio::time::sleep(timeout)))) }
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead> AsyncRead for Preface<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let read = this.stream.as_mut().poll_read(cx, buf);
        let Some((seen, deadline)) = &mut this.unclear else { return read };
        match read {
            Poll::Pending => deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            Poll::Ready(read) => {
                let new = buf.filled().get(before..).unwrap_or_default();
                *seen = seen.saturating_add(new.len());
                let is_preface = PREFACE.get(..*seen).is_some_and(|preface| preface.ends_with(new));
                if new.is_empty() || !is_preface || *seen == PREFACE.len() {
                    this.unclear = None;
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<S: AsyncWrite> AsyncWrite for Preface<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}
