import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import MQTTWire

/// Publishes figures under `$SYS/broker/…`, named and counted as Mosquitto does, retained: those of
/// the whole broker to the default tenant, which is the operator's, and to each other tenant those
/// of its own that can be counted.
final class MQTTSystemTopics: TimerTarget {
  /// A figure per minute, averaged over one, five and fifteen minutes.
  private struct Load {
    var name: String
    var last: UInt64 = 0
    var averages: [Double] = [0, 0, 0]
  }

  private unowned let frontEnd: MQTTServer
  private var timer: Timers.Token?
  private let startedAt: Int64
  private var lastAt: Int64
  private var loads: [Load] = [
    "messages/received", "messages/sent", "publish/received", "publish/sent", "publish/dropped",
    "bytes/received", "bytes/sent", "sockets", "connections",
  ].map { Load(name: $0) }
  /// What was published last, by tenant and topic: figures that did not change are not published
  /// again.
  private var published: [String: [String: String]] = [:]

  init(frontEnd: MQTTServer) {
    self.frontEnd = frontEnd
    startedAt = frontEnd.engine.now
    lastAt = startedAt
  }

  private var interval: Double { frontEnd.settings.systemTopicsIntervalSeconds }

  /// Publishes now, and then at each interval.
  func start() {
    stop()
    guard interval > 0 else { return }
    publish()
    timer = frontEnd.engine.timers.schedule(afterSeconds: interval, self, kind: 0)
  }

  /// A tenant that is new here need not wait for the next time.
  func welcome(_ tenant: Tenant) {
    guard interval > 0 else { return }
    publish(isHome(tenant) ? counts + loads(after: 0) : counts(of: tenant), to: tenant)
  }

  private func isHome(_ tenant: Tenant) -> Bool {
    tenant.name == frontEnd.context.access.defaultTenant
  }

  /// Publishes no more.
  func stop() {
    if let timer { frontEnd.engine.timers.cancel(timer) }
    timer = nil
  }

  func timerFired(_ kind: Int) {
    publish()
    timer = frontEnd.engine.timers.schedule(afterSeconds: interval, self, kind: 0)
  }

  private func publish() {
    let now = frontEnd.engine.now
    let seconds = Double(now - lastAt) / 1_000_000_000
    lastAt = now
    let figures = counts + loads(after: seconds)
    for tenant in frontEnd.engine.tenants {
      publish(isHome(tenant) ? figures : counts(of: tenant), to: tenant)
    }
  }

  private func publish(_ figures: [(String, String)], to tenant: Tenant) {
    var gone = published[tenant.name] ?? [:]
    for (name, value) in figures {
      gone[name] = nil
      let isNew = published[tenant.name, default: [:]].updateValue(value, forKey: name) != value
      publish(name, value, tenant, isNew: isNew)
    }
    // A tenant that is no longer the default one must not keep what it was shown.
    for name in gone.keys {
      published[tenant.name]?[name] = nil
      tenant.retained.remove(topic: topic(name))
    }
  }

  private func publish(_ name: String, _ value: String, _ tenant: Tenant, isNew: Bool) {
    let topic = topic(name)
    let record = tenant.record(
      topic: topic, payload: Array(value.utf8), isRetained: true)
    let isKept = isNew ? false : tenantHolds(topic, tenant)
    guard !isKept else { return }
    _ = try? tenant.retained.set(record)
    tenant.publish(record)
  }

  private func topic(_ name: String) -> [UInt8] {
    Array("$SYS/broker/\(name)".utf8).withUnsafeBytes { MQTTTopicCodec.canonical($0) }
  }

  private func tenantHolds(_ topic: [UInt8], _ tenant: Tenant) -> Bool {
    var found = false
    tenant.retained.search(.init(canonical: topic)) { _ in
      found = true
      return false
    }
    return found
  }

  private var facts: [(String, String)] {
    let uptime = (frontEnd.engine.now - startedAt) / 1_000_000_000
    let version = "\(frontEnd.context.serverName) version \(frontEnd.context.version)"
    return [("version", version), ("uptime", "\(uptime) seconds")]
  }

  /// What is a tenant's own.
  private func counts(of tenant: Tenant) -> [(String, String)] {
    var connected = 0
    var subscriptions = 0
    var shared = 0
    var stored = tenant.retained.count
    let sessions = frontEnd.sessions(of: tenant)
    for session in sessions {
      if session.isOnline { connected += 1 }
      subscriptions += session.subscriptions.count
      shared += session.subscriptions.values.count { $0.share != nil }
      stored += session.queuedCount
    }
    let away = sessions.count - connected
    return facts + [
      ("clients/total", "\(sessions.count)"),
      ("clients/connected", "\(connected)"), ("clients/active", "\(connected)"),
      ("clients/disconnected", "\(away)"), ("clients/inactive", "\(away)"),
      ("messages/stored", "\(stored)"), ("store/messages/count", "\(stored)"),
      ("subscriptions/count", "\(subscriptions)"),
      ("shared_subscriptions/count", "\(shared)"),
      ("retained messages/count", "\(tenant.retained.count)"),
      ("retained messages/bytes", "\(tenant.retained.byteCount)"),
    ]
  }

  private var counts: [(String, String)] {
    let statistics = frontEnd.statistics
    let total = frontEnd.sessionCount
    let connected = statistics.clientsConnected
    var retainedCount = 0
    var retainedBytes = 0
    for tenant in frontEnd.engine.tenants {
      retainedCount += tenant.retained.count
      retainedBytes += tenant.retained.byteCount
    }
    let queued = frontEnd.queuedCount
    return facts + [
      ("clients/total", "\(total)"), ("clients/maximum", "\(statistics.clientsMaximum)"),
      ("clients/connected", "\(connected)"), ("clients/active", "\(connected)"),
      ("clients/disconnected", "\(max(0, total - connected))"),
      ("clients/inactive", "\(max(0, total - connected))"),
      ("clients/expired", "\(statistics.clientsExpired)"),
      ("messages/received", "\(statistics.packetsReceived)"),
      ("messages/sent", "\(statistics.packetsSent)"),
      ("messages/stored", "\(retainedCount + queued)"),
      ("store/messages/count", "\(retainedCount + queued)"),
      ("store/messages/bytes", "\(frontEnd.engine.memory.used)"),
      ("subscriptions/count", "\(statistics.subscriptions)"),
      ("shared_subscriptions/count", "\(statistics.sharedSubscriptions)"),
      ("retained messages/count", "\(retainedCount)"),
      ("retained messages/bytes", "\(retainedBytes)"),
      ("publish/messages/dropped", "\(statistics.publishesDropped)"),
      ("publish/messages/received", "\(statistics.publishesReceived)"),
      ("publish/messages/sent", "\(statistics.publishesSent)"),
      ("publish/bytes/received", "\(statistics.payloadBytesReceived)"),
      ("publish/bytes/sent", "\(statistics.payloadBytesSent)"),
      ("bytes/received", "\(statistics.bytesReceived)"),
      ("bytes/sent", "\(statistics.bytesSent)"),
    ]
  }

  private func loads(after seconds: Double) -> [(String, String)] {
    let statistics = frontEnd.statistics
    let totals = [
      statistics.packetsReceived, statistics.packetsSent, statistics.publishesReceived,
      statistics.publishesSent, statistics.publishesDropped, statistics.bytesReceived,
      statistics.bytesSent, statistics.socketsOpened, statistics.connectionsAccepted,
    ]
    var figures: [(String, String)] = []
    for index in loads.indices {
      if seconds > 0 {
        let perMinute = Double(totals[index] &- loads[index].last) * 60 / seconds
        loads[index].last = totals[index]
        for (place, minutes) in [1.0, 5, 15].enumerated() {
          let weight = 1 - Self.decay(seconds / (minutes * 60))
          loads[index].averages[place] += weight * (perMinute - loads[index].averages[place])
        }
      }
      for (place, minutes) in ["1min", "5min", "15min"].enumerated() {
        figures.append(
          ("load/\(loads[index].name)/\(minutes)", Self.text(loads[index].averages[place])))
      }
    }
    return figures
  }

  /// e to the power of `-x`, for `x` not below zero.
  private static func decay(_ x: Double) -> Double {
    // Halved until the series is short, then squared back.
    var term = 1.0
    var sum = 1.0
    let small = -x / 1024
    for step in 1...6 {
      term *= small / Double(step)
      sum += term
    }
    for _ in 0..<10 { sum *= sum }
    return x > 700 ? 0 : sum
  }

  /// Two digits after the point.
  private static func text(_ value: Double) -> String {
    let hundredths = Int64((min(max(value, 0), 1e15) * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}
