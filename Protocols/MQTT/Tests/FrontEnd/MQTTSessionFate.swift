import MQTTWire

/// What becomes of a session, apart from what its client is told.
struct TableFate {
  /// Whether it has a connection; `nil` when there is no session.
  var isOnline: Bool?
  /// How often its will goes out; `nil` when nobody is left to see it.
  var wills: Int?
  /// How many messages wait in it or are under way, where that is looked at.
  var queued: Int?
  /// Whether a connection that came was told of a session.
  var isPresent: Bool?
}

extension SessionTable {
  /// The declared fate of the session. In 3.1.1 the will goes out with the connection; in 5.0 it
  /// waits, and goes out early when the session ends (5.0, 3.1.3.2.2).
  static func fate(
    _ state: TableState, _ event: TableEvent, _ version: MQTTVersion
  ) -> TableFate {
    switch state {
    case .awaitingConnect, .authenticating, .exchanging: beforeSession(state, event, version)
    case .connected, .reauthenticating, .received, .sent1, .sent2, .released, .full:
      connected(state, event, version)
    case .takenOver: takenOver(event, version)
    case .closing, .closed: away(event, version, queued: 0)
    case .offline: away(event, version, queued: 1)
    case .expired: comes(event) ? newcomer : TableFate(wills: event == .drain ? nil : 0, queued: 0)
    }
  }

  private static func comes(_ event: TableEvent) -> Bool { event == .takeOver || event == .resume }

  private static var newcomer: TableFate {
    TableFate(isOnline: true, wills: 0, queued: 0, isPresent: false)
  }

  private static func beforeSession(
    _ state: TableState, _ event: TableEvent, _ version: MQTTVersion
  ) -> TableFate {
    if comes(event) { return newcomer }
    let isIn = answer(state, event, version) == .says(["connack 00"])
    return TableFate(isOnline: isIn ? true : nil, wills: event == .drain ? nil : 0)
  }

  /// Another connection finds the session, and a will that was about to go out or to wait.
  private static func found(_ event: TableEvent, _ version: MQTTVersion) -> TableFate {
    let continues = version != .v5 || event == .resume
    return TableFate(
      isOnline: true, wills: version == .v5 && continues ? 0 : 1, isPresent: continues)
  }

  /// The connection ends, and the session does not.
  private static func left(_ event: TableEvent, _ version: MQTTVersion) -> TableFate {
    switch event {
    case .drain: TableFate(isOnline: false)
    case .reloadWithoutUser: TableFate(wills: 0, queued: 0)
    case .disconnect, .disconnectWithWill: TableFate(isOnline: false, wills: 0)
    default: TableFate(isOnline: false, wills: version == .v5 ? 0 : 1)
    }
  }

  private static func connected(
    _ state: TableState, _ event: TableEvent, _ version: MQTTVersion
  ) -> TableFate {
    if comes(event) { return found(event, version) }
    guard case .ends = answer(state, event, version) else {
      return TableFate(isOnline: true, wills: 0)
    }
    return left(event, version)
  }

  /// What befalls the client befalls no one now, and what befalls all befalls its successor.
  private static func takenOver(_ event: TableEvent, _ version: MQTTVersion) -> TableFate {
    if comes(event) { return found(event, version) }
    switch event {
    case .keepAliveTime, .willDelayTime, .sessionExpiryTime, .drain, .reloadWithoutUser:
      return left(event, version)
    default: return TableFate(isOnline: true, wills: 0)
    }
  }

  private static func away(
    _ event: TableEvent, _ version: MQTTVersion, queued: Int
  ) -> TableFate {
    let waiting = version == .v5 ? 1 : 0
    switch event {
    case .takeOver, .resume:
      let continues = version != .v5 || event == .resume
      return TableFate(
        isOnline: true, wills: continues ? 0 : waiting, queued: continues ? queued : 0,
        isPresent: continues)
    case .sessionExpiryTime: return TableFate(wills: waiting, queued: 0)
    case .willDelayTime: return TableFate(isOnline: false, wills: waiting, queued: queued)
    // Nobody speaks for a user who is gone.
    case .reloadWithoutUser: return TableFate(wills: 0, queued: 0)
    case .drain: return TableFate(isOnline: false, queued: queued)
    case .delivery1: return TableFate(isOnline: false, wills: 0, queued: queued + 1)
    default: return TableFate(isOnline: false, wills: 0, queued: queued)
    }
  }
}
