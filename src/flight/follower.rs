use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Failure, Handle, Lead, Turn, one::Given};
use crate::clock::{Clock, Moment, Sleep};

/// The wait for what a leader brings. Dropped, it leaves the flight.
///
/// Limits of time hold where the clock has timers: see [`Clock::has_timers`].
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Follower<T> {
    handle: Handle<T>,
    /// Until when it waits.
    deadline: Moment,
    timer: Option<(Moment, Sleep)>,
    left: bool,
}

impl<T> Follower<T> {
    pub(super) fn new(handle: Handle<T>, now: Moment) -> Self {
        Self {
            deadline: now + handle.limits.wait,
            handle,
            timer: None,
            left: false,
        }
    }

    fn turn(&mut self, given: Given<T>) -> Turn<T> {
        self.left = true;
        match given {
            Given::Landed(landed) => Turn::Landed(landed),
            Given::Failed(failure) => Turn::Failed(failure),
            Given::Alone => Turn::Alone,
            Given::Lead(seat) => {
                let Handle {
                    flights,
                    shard,
                    flight,
                    limits,
                    clock,
                    ..
                } = &self.handle;
                Turn::Lead(Lead::new(Handle {
                    flights: flights.clone(),
                    shard: *shard,
                    flight: *flight,
                    member: seat,
                    limits: *limits,
                    clock: clock.clone(),
                }))
            }
        }
    }

    fn leave(&mut self) {
        self.left = true;
        let Handle {
            flight,
            member,
            limits,
            ..
        } = self.handle;
        let now = self.handle.clock.now();
        let cell = self
            .handle
            .change(|table| table.leave(flight, member, limits, now));
        drop(cell);
    }

    /// Whether the time is up that the follower was to sleep for.
    fn is_time(&mut self, at: Moment, cx: &mut Context<'_>) -> bool {
        if self.timer.as_ref().is_none_or(|(known, _)| *known != at) {
            self.timer = timer(&self.handle.clock, at);
        }
        let timer = self.timer.as_mut();
        timer.is_some_and(|(_, sleep)| Pin::new(sleep).poll(cx).is_ready())
    }
}

fn timer(clock: &Clock, at: Moment) -> Option<(Moment, Sleep)> {
    clock.has_timers().then(|| (at, clock.sleep_until(at)))
}

impl<T> Unpin for Follower<T> {}

impl<T> Future for Follower<T> {
    type Output = Turn<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn<T>> {
        let this = self.get_mut();
        loop {
            let now = this.handle.clock.now();
            let Handle {
                flight,
                member,
                limits,
                ..
            } = this.handle;
            let polled = this
                .handle
                .change(|table| table.poll(flight, member, cx.waker(), limits, now));
            let overdue = match polled {
                Ok(given) => return Poll::Ready(this.turn(given)),
                Err(overdue) => overdue,
            };
            if now >= this.deadline {
                this.leave();
                return Poll::Ready(Turn::Failed(Failure::TimedOut));
            }
            let at = overdue.map_or(this.deadline, |overdue| overdue.min(this.deadline));
            if !this.is_time(at, cx) {
                return Poll::Pending;
            }
        }
    }
}

impl<T> Drop for Follower<T> {
    fn drop(&mut self) {
        if !self.left {
            self.leave();
        }
    }
}

impl<T> fmt::Debug for Follower<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}
