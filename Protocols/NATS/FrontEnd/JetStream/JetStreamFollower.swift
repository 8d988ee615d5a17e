import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import NATSWire
import NIOCore

/// Brings what one stream has into another: to a mirror all of it, under the same numbers, or to a
/// stream that has sources what it wants of one.
final class JetStreamFollower: TimerTarget {
  /// So many messages in one turn of the loop.
  private static var turnMax: Int { 256 }
  /// So many that the origin waits for may be on their way.
  private static var underWayMax: Int { 4_096 }
  private static var retryNanoseconds: Int64 { 1_000_000_000 }

  let source: JetStreamStreamSource
  let isMirror: Bool
  /// What tells this source from others of the stream: its name, what is taken, what it becomes.
  let identity: [String]
  private let target: GodwitEngine.Stream
  private unowned let account: JetStreamAccount
  private let filters: [TopicPattern]
  private let transforms: [TopicTransform?]
  private var origin: GodwitEngine.Stream?
  private var group: StreamGroup?
  /// Handed out and not kept yet: there was no room, or something is to be committed before.
  private var held: StreamGroup.Lease?
  /// The last message that was taken; `nil` before that is known.
  private var sequence: UInt64?
  private(set) var error: JetStreamError?
  private var isWaiting = false
  private var isPumping = false
  private var retryTimer: Timers.Token?
  private var isOver = false

  init(
    _ source: JetStreamStreamSource, of target: GodwitEngine.Stream, isMirror: Bool,
    _ account: JetStreamAccount
  ) {
    self.source = source
    self.target = target
    self.isMirror = isMirror
    self.account = account
    self.identity = Self.identity(of: source)
    let mappings = source.subjectTransforms
    if mappings.isEmpty {
      self.filters =
        source.filterSubject.isEmpty ? [] : [JetStreamSettings.pattern(source.filterSubject)]
      self.transforms = []
    } else {
      self.filters = mappings.map {
        JetStreamSettings.pattern($0.source.isEmpty ? ">" : $0.source)
      }
      self.transforms = mappings.map {
        try? JetStreamSettings.transform($0.source, $0.destination)
      }
    }
  }

  private static func identity(of source: JetStreamStreamSource) -> [String] {
    func orAll(_ text: String) -> String { text.isEmpty ? ">" : text }
    let mappings = source.subjectTransforms
    guard !mappings.isEmpty else { return [source.name, orAll(source.filterSubject), ">"] }
    return [
      source.name, mappings.map { orAll($0.source) }.joined(separator: "\u{0C}"),
      mappings.map { orAll($0.destination) }.joined(separator: "\u{0C}"),
    ]
  }

  /// What STREAM.INFO says of it.
  var info: JetStreamStreamInfo.Upstream {
    var info = JetStreamStreamInfo.Upstream()
    info.name = self.source.name
    info.lag = UInt64((self.group?.pendingCount ?? 0) + (self.held == nil ? 0 : 1))
    if !self.isMirror { info.sequence = self.sequence ?? 0 }
    info.active = self.group == nil ? -1 : 0
    info.error = self.error
    info.filterSubject = self.source.filterSubject
    info.subjectTransforms = self.source.subjectTransforms
    return info
  }

  // MARK: Life

  /// Begins behind the message that was taken last; at the configuration's start where none was.
  func begin(after sequence: UInt64) {
    self.sequence = sequence
    self.attach()
  }

  /// The origin may be there now.
  func attach() {
    guard let sequence = self.sequence, self.group == nil, !self.isOver else { return }
    guard let origin = self.account.tenant.streams[self.source.name] else {
      self.error = JetStreamError(.streamNotFound)
      return
    }
    var settings = StreamGroupSettings(name: "follower \(JetStreamAccount.makeID())")
    settings.isHidden = true
    settings.isDurable = false
    settings.filters = self.filters
    settings.acknowledgement = origin.settings.retention == .limits ? .none : .each
    settings.ackWait = .max / 4
    settings.inFlightMax = Self.underWayMax
    settings.start = self.start(behind: sequence)
    do throws(EngineError) {
      self.group = try origin.makeGroup(settings)
      self.origin = origin
      self.error = nil
      self.pump()
    } catch {
      self.error = JetStreamAccount.error(error, .consumerCreate)
    }
  }

  private func start(behind sequence: UInt64) -> StreamGroupSettings.Start {
    if sequence > 0 { return .offset(sequence) }
    if self.source.startSequence > 0 { return .offset(self.source.startSequence - 1) }
    if let time = self.source.startTime { return .time(time.nanosecondsSince1970) }
    return .all
  }

  /// The origin is gone, with its groups. One of the same name may come.
  func originDeleted(_ stream: GodwitEngine.Stream) {
    guard self.origin === stream else { return }
    self.origin = nil
    self.group = nil
    self.held = nil
    // Another one begins to count anew; a mirror keeps its numbers.
    if !self.isMirror { self.sequence = 0 }
    self.error = JetStreamError(.streamNotFound)
  }

  /// Nothing is taken any more.
  func end() {
    self.isOver = true
    if let retryTimer { self.account.engine.timers.cancel(retryTimer) }
    if let group { self.origin?.deleteGroup(group.name) }
    self.group = nil
    self.origin = nil
  }

  // MARK: Taking

  private func pump() {
    guard !self.isPumping, !self.isOver, self.retryTimer == nil, let group else { return }
    self.isPumping = true
    defer { self.isPumping = false }
    for _ in 0..<Self.turnMax {
      guard let lease = self.held ?? group.lease() else { return self.wait(group) }
      self.held = lease
      guard self.take(lease) else {
        self.held = self.held?.own
        return
      }
      self.held = nil
      self.sequence = lease.offset + 1
      self.error = nil
    }
    self.account.frontEnd.context.loop.later { [weak self] in self?.pump() }
  }

  private func wait(_ group: StreamGroup) {
    guard !self.isWaiting else { return }
    self.isWaiting = true
    group.whenAvailable { [weak self] in
      self?.isWaiting = false
      self?.pump()
    }
  }

  /// - Returns: whether the record is done with. If not, it is tried again.
  private func take(_ lease: StreamGroup.Lease) -> Bool {
    if self.isMirror {
      let next = self.target.nextOffset
      if lease.offset < next { return self.finish(lease, at: nil) }
      if lease.offset > next, self.target.committedOffset < next {
        self.target.whenCommitted(before: next) { [weak self] _ in self?.pump() }
        return false
      }
    }
    switch self.keep(lease) {
    case .stored(let offset): return self.finish(lease, at: offset)
    case .duplicate: return self.finish(lease, at: nil)
    case .refused(let refusal):
      self.error = JetStreamAccount.error(refusal)
      self.retryTimer = self.account.engine.timers.schedule(
        at: self.account.engine.now + Self.retryNanoseconds, self, kind: 0)
      return false
    }
  }

  func timerFired(_ kind: Int) {
    self.retryTimer = nil
    self.pump()
  }

  /// Tells an origin that waits for it when the record lasts here.
  private func finish(_ lease: StreamGroup.Lease, at offset: UInt64?) -> Bool {
    guard let group, group.settings.acknowledgement == .each else { return true }
    let end = offset.map { $0 + 1 } ?? self.target.nextOffset
    self.target.whenCommitted(before: end) { error in
      if error == nil { group.acknowledge(lease.offset) }
    }
    return true
  }

  private func transformed(_ topic: [UInt8]) -> [UInt8]? {
    topic.withUnsafeBytes { topic in
      for case let transform? in self.transforms {
        if let changed = transform.apply(to: topic) { return changed }
      }
      return nil
    }
  }

  private func keep(_ lease: StreamGroup.Lease) -> Capture.Result {
    let changed = self.transforms.isEmpty ? nil : self.transformed(lease.record.topic)
    if self.isMirror {
      return self.target.append(copying: lease.record, topic: changed, at: lease.offset)
    }
    var message = JetStreamMessage(lease.record, self.account)
    let subject = String(decoding: message.subject, as: UTF8.self)
    message.strip { name in
      name == "Nats-Stream-Source" || name.hasPrefix("Nats-Expected-")
        || name.hasPrefix("Nats-Batch-")
    }
    let parts = self.identity
    message.add([
      .init(
        "Nats-Stream-Source",
        "\(parts[0]) \(lease.offset + 1) \(parts[1]) \(parts[2]) \(subject)")
    ])
    return message.withPublication(to: changed ?? message.subject, self.account) {
      self.target.append(following: &$0)
    }
  }

  /// Which message of which source a record was; `nil` for a record that was none.
  static func parse(_ header: String) -> (identity: [String], sequence: UInt64)? {
    let fields = header.split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
    guard fields.count >= 4, let sequence = UInt64(fields[1]) else { return nil }
    return ([fields[0], fields[2], fields[3]], sequence)
  }
}
