public import ServiceLifecycle

/// A service with a start that can fail before anything is served.
///
/// `App` starts its services in their order, one after the other, and runs them only when all have
/// started. Of a service that is not an `AppService`, the start is the beginning of `run`.
public protocol AppService: Service {
  /// Gets ready: connects, subscribes, binds. Does nothing when it was done already.
  func start() async throws(GodwitError)
}
