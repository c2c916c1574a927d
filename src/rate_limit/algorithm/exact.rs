//! Time without rounding. The interval of seven per second is no whole number of microseconds, that of a mebibyte per
//! second is less than one: rounded, the first drifts and the second vanishes or lets too much pass.

/// A moment or a span: whole microseconds, and parts of one by the denominator of the [`Interval`] it was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exact {
    whole: u64,
    part: u64,
}

impl Exact {
    const MAX: Self = Self::whole(u64::MAX);

    #[inline]
    pub(super) const fn whole(whole: u64) -> Self {
        Self { whole, part: 0 }
    }

    /// The whole microsecond at which this has come.
    #[inline]
    pub(super) const fn ceil(self) -> u64 {
        if self.part == 0 {
            self.whole
        } else {
            self.whole.saturating_add(1)
        }
    }
}

/// The time that one unit of cost takes, as a reduced fraction of microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    numerator: u64,
    denominator: u64,
    /// The same for the path that nearly every request takes, which has no division.
    one: Exact,
}

impl Interval {
    /// `period_ns / n`; none where either is 0 or the fraction is too fine to count with.
    pub(super) fn new(n: u64, period_ns: u64) -> Option<Self> {
        if n == 0 || period_ns == 0 {
            return None;
        }
        let parts = u128::from(n) * 1_000;
        let common = gcd(u128::from(period_ns), parts);
        let numerator = u64::try_from(u128::from(period_ns) / common).ok()?;
        // Two parts are added without overflow.
        let denominator = u64::try_from(parts / common)
            .ok()
            .filter(|parts| *parts <= u64::MAX / 2)?;
        let mut interval = Self {
            numerator,
            denominator,
            one: Exact::default(),
        };
        interval.one = interval.split(u128::from(numerator));
        Some(interval)
    }

    /// The time that a cost takes; saturates.
    #[inline]
    pub(super) fn times(&self, cost: u64) -> Exact {
        if cost == 1 {
            return self.one;
        }
        self.split(u128::from(cost) * u128::from(self.numerator))
    }

    /// How many units fit into a span.
    pub(super) fn count(&self, span: Exact) -> u64 {
        narrow(self.parts(span) / u128::from(self.numerator))
    }

    /// How many units cover a span.
    pub(super) fn count_up(&self, span: Exact) -> u64 {
        narrow(self.parts(span).div_ceil(u128::from(self.numerator)))
    }

    /// The span in which this interval spends what `old` spends in `span`, rounded up, at most the time of `most`.
    pub(super) fn convert(&self, old: &Self, span: Exact, most: u64) -> Exact {
        let units = old.count(span);
        if units >= most {
            return self.times(most);
        }
        let rest = old.parts(span) % u128::from(old.numerator);
        let parts = (rest * u128::from(self.numerator)).div_ceil(u128::from(old.numerator));
        self.plus(self.times(units), self.split(parts))
    }

    #[inline]
    pub(super) fn plus(&self, a: Exact, b: Exact) -> Exact {
        let sum = a.part.saturating_add(b.part);
        let (part, carry) = match sum.checked_sub(self.denominator) {
            Some(part) => (part, 1),
            None => (sum, 0),
        };
        match a
            .whole
            .checked_add(b.whole)
            .and_then(|whole| whole.checked_add(carry))
        {
            Some(whole) => Exact { whole, part },
            None => Exact::MAX,
        }
    }

    /// `a - b`, not below 0.
    #[inline]
    pub(super) fn minus(&self, a: Exact, b: Exact) -> Exact {
        if a <= b {
            Exact::default()
        } else if a.part >= b.part {
            Exact {
                whole: a.whole - b.whole,
                part: a.part - b.part,
            }
        } else {
            let part = a
                .part
                .saturating_add(self.denominator)
                .saturating_sub(b.part);
            Exact {
                whole: a.whole - b.whole - 1,
                part,
            }
        }
    }

    fn parts(&self, span: Exact) -> u128 {
        u128::from(span.whole) * u128::from(self.denominator) + u128::from(span.part)
    }

    fn split(&self, parts: u128) -> Exact {
        let denominator = u128::from(self.denominator);
        match u64::try_from(parts / denominator) {
            Ok(whole) => Exact {
                whole,
                part: narrow(parts % denominator),
            },
            Err(_) => Exact::MAX,
        }
    }
}

/// Saturates.
pub(super) fn narrow(wide: u128) -> u64 {
    u64::try_from(wide).unwrap_or(u64::MAX)
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
