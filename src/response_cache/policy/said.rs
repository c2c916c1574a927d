//! What a handler says of its response that holds until it says something else.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

/// The part of a `CachePolicy` that a 304 which says nothing leaves in force, as it leaves the stored fields
/// (RFC 9111 4.3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) ttl: Option<Duration>,
    pub(crate) while_revalidate: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
    pub(crate) keep: Option<Duration>,
    /// Fields of the request that the response depends on, each once.
    pub(crate) vary: Vec<HeaderName>,
    /// Each once.
    pub(crate) tags: Vec<String>,
}

impl Said {
    /// What holds once `news` have come: they replace what they name and nothing else.
    pub(crate) fn updated(before: Option<&Arc<Self>>, news: Option<&Self>) -> Option<Arc<Self>> {
        match (before, news) {
            (before, None) => before.cloned(),
            (None, Some(news)) => news.clone().kept(),
            (Some(before), Some(news)) => news.clone().over(before).kept(),
        }
    }

    fn over(self, before: &Self) -> Self {
        fn list<T: Clone>(news: Vec<T>, before: &[T]) -> Vec<T> {
            if news.is_empty() {
                before.to_vec()
            } else {
                news
            }
        }
        Self {
            ttl: self.ttl.or(before.ttl),
            while_revalidate: self.while_revalidate.or(before.while_revalidate),
            if_error: self.if_error.or(before.if_error),
            keep: self.keep.or(before.keep),
            vary: list(self.vary, &before.vary),
            tags: list(self.tags, &before.tags),
        }
    }

    /// The same in memory of its exact size; `None` if it says nothing.
    fn kept(mut self) -> Option<Arc<Self>> {
        self.vary.shrink_to_fit();
        self.tags.shrink_to_fit();
        self.tags.iter_mut().for_each(String::shrink_to_fit);
        (self != Self::default()).then(|| Arc::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn everything(seconds: u32, word: &'static str) -> Said {
        let time = Some(seconds * SECOND);
        Said {
            ttl: time,
            while_revalidate: time,
            if_error: time,
            keep: time,
            vary: vec![HeaderName::from_static(word)],
            tags: vec![word.to_owned()],
        }
    }

    #[test]
    fn silence_leaves_in_force_what_was_said() {
        let before = Arc::new(everything(1, "a"));
        assert_eq!(Said::updated(Some(&before), None), Some(before.clone()));
        let silent = Said::default();
        assert_eq!(
            Said::updated(Some(&before), Some(&silent)),
            Some(before.clone())
        );
        assert_eq!(Said::updated(None, Some(&silent)), None);
        assert_eq!(Said::updated(None, None), None);
    }

    #[test]
    fn news_replace_each_word_by_itself() {
        let before = Arc::new(everything(1, "a"));
        let all = everything(2, "b");
        assert_eq!(
            Said::updated(Some(&before), Some(&all)),
            Some(Arc::new(all))
        );
        let keep = Said {
            keep: Some(9 * SECOND),
            ..Said::default()
        };
        let expected = Said {
            keep: Some(9 * SECOND),
            ..everything(1, "a")
        };
        assert_eq!(
            Said::updated(Some(&before), Some(&keep)),
            Some(Arc::new(expected))
        );
    }
}
