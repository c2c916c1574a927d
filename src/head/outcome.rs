//! What became of a request.

use std::any::Any;

use http::Response;

use super::ResponseHead;

/// What became of a request: the head of a response, or the error of a service.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a>(Kind<'a>);

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Response(ResponseHead<'a>),
    Error(&'a dyn Any),
}

impl<'a> Outcome<'a> {
    /// That of a call.
    pub fn of<R, E: 'static>(result: &'a Result<Response<R>, E>) -> Self {
        match result {
            Ok(response) => Self(Kind::Response(ResponseHead::of(response))),
            Err(error) => Self::failed(error),
        }
    }

    /// An error instead of a response.
    pub fn failed<E: 'static>(error: &'a E) -> Self {
        Self(Kind::Error(error))
    }

    /// The head of the response, if there is one.
    #[must_use]
    pub fn response(&self) -> Option<ResponseHead<'a>> {
        match self.0 {
            Kind::Response(head) => Some(head),
            Kind::Error(_) => None,
        }
    }

    /// Whether the service failed with an error, of whatever type.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.0, Kind::Error(_))
    }

    /// The error of the service, if there is one and this is its type.
    ///
    /// ```
    /// use http::Response;
    /// use tower_keep::{BoxError, circuit_breaker::Outcome};
    ///
    /// let failed: Result<Response<()>, BoxError> = Err("unplugged".into());
    /// let error = Outcome::of(&failed).error::<BoxError>();
    /// assert_eq!(error.unwrap().to_string(), "unplugged");
    /// assert!(Outcome::of(&failed).error::<std::io::Error>().is_none());
    /// ```
    #[must_use]
    pub fn error<E: 'static>(&self) -> Option<&'a E> {
        match self.0 {
            Kind::Response(_) => None,
            Kind::Error(error) => error.downcast_ref(),
        }
    }
}
