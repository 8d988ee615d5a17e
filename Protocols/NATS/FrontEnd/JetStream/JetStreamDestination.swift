import GodwitEngine
import GodwitPrimitives
import NATSWire

/// A subject that a consumer sends to again and again, and the way to whoever listens there.
final class JetStreamDestination {
  let subject: [UInt8]
  /// Whether the server may speak there.
  let isSpeakable: Bool
  private var route: Route?

  init(_ subject: [UInt8]) {
    self.subject = subject
    self.isSpeakable = subject.withUnsafeBytes { NATSSubject.isLiteral($0) && !$0.isSystemTopic }
  }

  /// Whether somebody listens.
  func isHeard(_ tenant: Tenant) -> Bool {
    self.subject.withUnsafeBytes { tenant.router.hasSubscriber(of: $0, memo: &self.route) }
  }

  /// Publishes what `make` makes of the subject.
  ///
  /// - Returns: how many took it.
  @discardableResult
  func publish(_ tenant: Tenant, _ make: (UnsafeRawBufferPointer) -> Publication) -> Int {
    guard self.isSpeakable else { return 0 }
    return self.subject.withUnsafeBytes { subject in
      var publication = make(subject)
      // What is published may lead here again.
      var memo: Route?
      swap(&memo, &self.route)
      defer { swap(&memo, &self.route) }
      return tenant.publish(&publication, memo: &memo)
    }
  }
}
