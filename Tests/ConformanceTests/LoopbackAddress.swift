import Foundation
import Synchronization

/// Addresses of this machine that only one server listens at: while it is down for a moment nobody
/// else is given its port.
enum LoopbackAddress {
  private static let count = Atomic<Int>(0)

  /// An address that no other call was answered.
  static func own() -> String {
    let number = self.count.wrappingAdd(1, ordering: .relaxed).newValue
    let process = Int(ProcessInfo.processInfo.processIdentifier) % 100
    return "127.\(100 + process).\(number / 250 % 250).\(1 + number % 250)"
  }
}
