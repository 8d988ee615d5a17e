import GodwitEngine
import GodwitFrontEndKit
import NATSWire

extension NATSSession: TimerTarget {
  private static var authKind: Int { 0 }
  private static var pingKind: Int { 1 }
  /// The first PING comes early: it measures the round trip.
  private static var firstPingSecondsMax: Double { 2 }
  /// The round trip is measured anew this often even when the client is active.
  private static var roundTripLifetime: Int64 { 3_600_000_000_000 }

  func timerFired(_ kind: Int) {
    if kind == Self.authKind {
      self.authTimer = nil
      self.end(saying: .authenticationTimeout, .authenticationTimeout)
    } else {
      self.pingTimer = nil
      self.pingIsDue()
    }
  }

  func scheduleAuthTimeout() {
    self.cancelAuthTimer()
    self.authTimer = self.engine.timers.schedule(
      afterSeconds: self.frontEnd.values.authTimeoutSeconds, self, kind: Self.authKind)
  }

  func cancelAuthTimer() {
    if let timer = self.authTimer { self.engine.timers.cancel(timer) }
    self.authTimer = nil
  }

  func schedulePing(afterSeconds seconds: Double) {
    if let timer = self.pingTimer { self.engine.timers.cancel(timer) }
    self.pingTimer = self.engine.timers.schedule(
      afterSeconds: seconds, self, kind: Self.pingKind)
  }

  /// After CONNECT, with up to a fifth of jitter so that clients that come together are not all
  /// asked together.
  func scheduleFirstPing() {
    let interval = min(self.frontEnd.values.pingIntervalSeconds, Self.firstPingSecondsMax)
    self.schedulePing(afterSeconds: interval + .random(in: 0...(interval / 5)))
  }

  func cancelTimers() {
    self.cancelAuthTimer()
    if let timer = self.pingTimer { self.engine.timers.cancel(timer) }
    self.pingTimer = nil
  }

  private func pingIsDue() {
    guard self.stage != .ended else { return }
    let now = self.engine.now
    let interval = self.frontEnd.values.pingIntervalSeconds
    let isQuiet = Double(now - self.lastActivityAt) >= interval * 1_000_000_000
    if isQuiet || now - self.pingSentAt > Self.roundTripLifetime {
      guard self.pingsOutstanding < self.frontEnd.values.pingsOutstandingMax else {
        self.frontEnd.statistics.staleConnections &+= 1
        self.end(saying: .staleConnection, .stale)
        return
      }
      self.pingsOutstanding += 1
      self.pingSentAt = now
      self.send { NATSEncoder.ping(into: &$0) }
    }
    self.schedulePing(afterSeconds: interval)
  }

  /// PING. The first one after CONNECT is also answered with the account the client got.
  func ping() {
    self.send { NATSEncoder.pong(into: &$0) }
    guard self.isConnected, !self.hasSentFirstPong else { return }
    self.hasSentFirstPong = true
    guard self.options.protocolVersion >= 1 else { return }
    var info = self.info()
    info.connectInfo = true
    info.remoteAccount = self.frontEnd.accountName(self.principal?.tenant)
    self.send { NATSEncoder.info(info, into: &$0) }
  }

  /// PONG.
  func pong() {
    self.pingsOutstanding = 0
    if self.pingSentAt > 0 { self.roundTrip = max(1, self.engine.now - self.pingSentAt) }
  }

  /// Tells a client that understands it that the server has changed, as by going away.
  func announceInfo() {
    guard self.stage == .serving, self.isConnected, self.options.protocolVersion >= 1 else {
      return
    }
    self.send { NATSEncoder.info(self.info(), into: &$0) }
  }
}
