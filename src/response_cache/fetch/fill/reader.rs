use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{
    growing::{Growing, Step},
    state::Lost,
};
use crate::{clock::Sleep, error::BoxError, response_cache::fetch::news::News};

/// The place of the reader whose request brought the body.
const LEADER: usize = 0;

/// One who reads a [`Growing`] body.
pub(crate) struct Reader {
    body: Arc<Growing>,
    /// Keeps newcomers able to join as long as somebody reads.
    _news: Option<Arc<News>>,
    index: usize,
    leads: bool,
    position: u64,
    trailers_read: bool,
    failed: bool,
    timer: Option<Sleep>,
}

impl Reader {
    /// The reader whose request brought the body.
    pub(crate) fn leading(body: Arc<Growing>, news: Option<Arc<News>>) -> Self {
        let mut reader = Self::at(body, news, LEADER);
        reader.leads = true;
        reader
    }

    /// One more reader.
    pub(crate) fn following(body: &Arc<Growing>, news: Option<Arc<News>>) -> Result<Self, Lost> {
        let index = body.enter()?;
        Ok(Self::at(Arc::clone(body), news, index))
    }

    fn at(body: Arc<Growing>, news: Option<Arc<News>>, index: usize) -> Self {
        Self {
            body,
            _news: news,
            index,
            leads: false,
            position: 0,
            trailers_read: false,
            failed: false,
            timer: None,
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        loop {
            let step = self
                .body
                .step(self.index, self.leads, &mut self.trailers_read, cx);
            match step {
                Step::Again => {}
                Step::Done(Poll::Pending) => return Poll::Pending,
                Step::Done(Poll::Ready(next)) => {
                    self.timer = None;
                    self.read(next.as_ref());
                    return Poll::Ready(next);
                }
                Step::Blocked(until) => {
                    let timer = self.timer.insert(self.body.sleep_until(until));
                    if Pin::new(timer).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn read(&mut self, next: Option<&Result<Frame<Bytes>, BoxError>>) {
        match next {
            Some(Ok(frame)) => {
                let data = frame.data_ref().map_or(0, Bytes::len);
                self.position += data as u64;
            }
            Some(Err(_)) => self.failed = true,
            None => {}
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.failed || self.body.is_over(self.position, self.trailers_read)
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint(self.position)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.body.leave(self.index);
    }
}
