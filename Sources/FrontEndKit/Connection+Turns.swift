import GodwitEngine
public import NIOCore

/// When a connection lets others go first.
extension Connection {
  /// How long a publisher waits for a receiver that is nearly full: 5 ms, as nats-server.
  static var stallSeconds: Double { 0.005 }

  /// The client is read from: it is there, whatever it has said while it was not.
  @inline(__always)
  func noteHeard() {
    self.loop.renewTime()
    self.lastReadAt = self.loop.engine.uptime
  }

  /// All of what was at hand is read; called by the channel. What it cost is no matter of whoever
  /// comes next.
  public func channelReadComplete(context: ChannelHandlerContext) {
    self.loop.engine.effort.pointee = 0
    context.fireChannelReadComplete()
  }

  func stallEnded() {
    self.isStalled = false
    if !self.isReadingPaused, self.isOpen { self.setAutoRead(true) }
  }

  /// Has the session told (`Session.outputDrained`) when what waits is sent, though the socket may
  /// take all of it at once.
  public func awaitDrain() { self.isDrainAwaited = true }

  /// Lets everybody else have a turn before the session is shown the rest of what was read.
  public func giveWay() {
    guard !self.isReadingPaused else { return }
    self.counters.stalls &+= 1
    self.pauseReading()
    self.loop.later { self.resumeReading() }
  }
}
