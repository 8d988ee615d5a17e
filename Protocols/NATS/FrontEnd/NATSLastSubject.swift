import GodwitPrimitives

/// The subject of a client's last message, so that the next one to it need not be judged again.
///
/// Owns its bytes; freed with its session.
final class NATSLastSubject {
  private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var count = -1

  deinit {
    self.storage.deallocate()
  }

  /// Whether `subject` is the remembered one.
  @inline(__always)
  func isEqual(to subject: UnsafeRawBufferPointer) -> Bool {
    guard subject.count == self.count else { return false }
    return subject.sameBytes(
      as: UnsafeRawBufferPointer(start: self.storage.baseAddress, count: self.count))
  }

  /// Remembers `subject`.
  func remember(_ subject: UnsafeRawBufferPointer) {
    if subject.count > self.storage.count {
      self.storage.deallocate()
      self.storage = .allocate(byteCount: max(64, subject.count), alignment: 8)
    }
    UnsafeMutableRawBufferPointer(rebasing: self.storage[..<subject.count]).copyMemory(
      from: subject)
    self.count = subject.count
  }

  /// Forgets it: permissions or options have changed.
  func forget() {
    self.count = -1
  }
}
