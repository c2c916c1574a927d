/// Why a body of the cache broke off that was shared with another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The inner service's body failed. The error itself went to the request that had asked for it.
    #[error("the response broke off that this request shared with another one")]
    Shared,
    /// The reader held up others, who read the same response, for too long.
    #[error("the reader was too slow for those who read the same response")]
    Stalled,
}
