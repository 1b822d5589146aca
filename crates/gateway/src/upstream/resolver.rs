use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use app::providers::Reach;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// The name resolves, and to nothing that may be connected to.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the host resolves to no address that may be connected to")]
pub struct NotPermitted;

/// The name resolves to nothing.
#[derive(Debug, thiserror::Error)]
#[error("the host is not known")]
pub struct UnknownHost(#[source] std::io::Error);

/// Resolves names and leaves out the addresses beyond its reach. It hands the addresses themselves to the connector, so
/// there is no second look-up that could answer differently.
#[derive(Debug, Clone)]
pub struct GuardedResolver {
    reach: Reach,
    system: GaiResolver,
}

impl GuardedResolver {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach, system: GaiResolver::new() }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Addresses = std::vec::IntoIter<SocketAddr>;

impl Service<Name> for GuardedResolver {
    type Response = Addresses;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Addresses, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.system.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, reach) = (self.system.call(name), self.reach);
        Box::pin(async move { permitted(found.await.map_err(UnknownHost)?, reach) })
    }
}

fn permitted(found: impl Iterator<Item = SocketAddr>, reach: Reach) -> Result<Addresses, BoxError> {
    let kept: Vec<SocketAddr> = found.filter(|address| reach.permits(address.ip())).collect();
    if kept.is_empty() { Err(NotPermitted.into()) } else { Ok(kept.into_iter()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_points_inside_as_well_is_reached_outside_only() {
        let found =
            ["10.0.0.1:0", "8.8.8.8:0", "[::1]:0", "169.254.169.254:0"].map(|text| text.parse().unwrap());
        let kept: Vec<SocketAddr> = permitted(found.into_iter(), Reach::Public).unwrap().collect();
        assert_eq!(kept, ["8.8.8.8:0".parse().unwrap()]);
        let inside = permitted(found.into_iter(), Reach::Private).unwrap();
        assert_eq!(inside.count(), 2);
        let metadata = ["169.254.169.254:0".parse().unwrap()];
        assert!(permitted(metadata.into_iter(), Reach::Anywhere).unwrap_err().is::<NotPermitted>());
    }
}
