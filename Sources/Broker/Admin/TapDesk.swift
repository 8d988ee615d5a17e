import GodwitEngine
import GodwitFrontEndKit

/// Knows the live taps and bounds them.
final class TapDesk {
  let loop: Loop
  let limits: AdminLimits
  private var open: [ObjectIdentifier: TapStream] = [:]
  /// How many there are.
  var count: Int { self.open.count }
  /// Messages that taps have shown.
  var shown: UInt64 = 0
  /// Messages that taps have left out, for their rate or a slow viewer.
  var leftOut: UInt64 = 0

  init(loop: Loop, limits: AdminLimits) {
    self.loop = loop
    self.limits = limits
  }

  /// Whether one more may be opened.
  var hasRoom: Bool { self.open.count < self.limits.tapsMax }

  func add(_ stream: TapStream) {
    self.open[ObjectIdentifier(stream)] = stream
  }

  func remove(_ stream: TapStream) {
    self.open[ObjectIdentifier(stream)] = nil
  }
}
