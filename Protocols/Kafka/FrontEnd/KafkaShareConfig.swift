import KafkaWire

/// What a share group's own settings say (`GROUP` resources); what they leave open is the broker's.
struct KafkaShareConfig: Equatable {
  /// Where a group begins to read a partition.
  enum Reset: Equatable {
    case latest
    case earliest
    /// So many milliseconds back.
    case ago(Int64)
  }

  struct Key {
    var name: String
    var kind: KafkaTopicConfig.Key.Kind
    /// What numbers may be.
    var range: ClosedRange<Int> = 0...0
  }

  static let known: [Key] = [
    Key(name: "share.auto.offset.reset", kind: .text),
    Key(name: "share.delivery.count.limit", kind: .int, range: 1...1_000),
    Key(name: "share.heartbeat.interval.ms", kind: .int, range: 10...86_400_000),
    Key(name: "share.isolation.level", kind: .text),
    Key(name: "share.partition.max.record.locks", kind: .int, range: 1...KafkaSettings.locksMax),
    Key(name: "share.record.lock.duration.ms", kind: .int, range: 10...3_600_000),
    Key(name: "share.renew.acknowledge.enable", kind: .bool),
    Key(name: "share.session.timeout.ms", kind: .int, range: 100...86_400_000),
  ]

  private(set) var values: [String: String] = [:]

  var isEmpty: Bool { values.isEmpty }

  init() {}

  /// What was written down; what is no longer known is left out.
  init(_ written: [(String, String)]) {
    for (name, value) in written { _ = set(name, value) }
  }

  /// Sets a value, or forgets it where there is none.
  mutating func set(_ name: String, _ value: String?) -> KafkaRefusal? {
    guard let key = Self.known.first(where: { $0.name == name }) else {
      return KafkaRefusal(.invalidConfig, "Unknown group config name: \(name.prefix(100))")
    }
    guard let value else {
      values[name] = nil
      return nil
    }
    guard Self.isValid(value, for: key) else {
      return KafkaRefusal(
        .invalidConfig, "Invalid value \(value.prefix(100)) for configuration \(name)")
    }
    values[name] = value
    return nil
  }

  private static func isValid(_ value: String, for key: Key) -> Bool {
    switch key.kind {
    case .bool: value == "true" || value == "false"
    case .int: Int(value).map { key.range.contains($0) } ?? false
    default:
      key.name == "share.isolation.level"
        ? value == "read_committed" || value == "read_uncommitted" : reset(value) != nil
    }
  }

  /// What a key holds, said or not.
  func value(of key: Key, _ settings: KafkaSettings) -> String {
    if let value = values[key.name] { return value }
    let rules = KafkaShareConfig().rules(settings)
    switch key.name {
    case "share.delivery.count.limit": return String(rules.deliveriesMax)
    case "share.heartbeat.interval.ms": return String(rules.interval)
    case "share.isolation.level": return "read_uncommitted"
    case "share.partition.max.record.locks": return String(rules.locksMax)
    case "share.record.lock.duration.ms": return String(rules.lockDuration)
    case "share.renew.acknowledge.enable": return "true"
    case "share.session.timeout.ms": return String(rules.sessionTimeout)
    default: return "latest"
    }
  }

  /// What holds for a group.
  func rules(_ settings: KafkaSettings) -> KafkaShareRules {
    func number(_ name: String, _ unset: Int) -> Int { values[name].flatMap { Int($0) } ?? unset }
    return KafkaShareRules(
      sessionTimeout: number("share.session.timeout.ms", settings.shareSessionTimeout),
      interval: number("share.heartbeat.interval.ms", settings.shareHeartbeatInterval),
      sizeMax: settings.shareGroupSizeMax,
      lockDuration: number("share.record.lock.duration.ms", settings.shareLockDuration),
      deliveriesMax: number("share.delivery.count.limit", settings.shareDeliveriesMax),
      locksMax: number("share.partition.max.record.locks", settings.shareLocksMax),
      readsCommitted: values["share.isolation.level"] == "read_committed",
      renews: values["share.renew.acknowledge.enable"] != "false",
      reset: values["share.auto.offset.reset"].flatMap(Self.reset) ?? .latest)
  }

  private static func reset(_ text: String) -> Reset? {
    switch text {
    case "latest": return .latest
    case "earliest": return .earliest
    default:
      let prefix = "by_duration:"
      guard text.hasPrefix(prefix), text.utf8.count < 100 else { return nil }
      return duration(text.dropFirst(prefix.count)).map(Reset.ago)
    }
  }

  /// Milliseconds of a duration by ISO 8601 in days, hours, minutes and seconds: `P1DT2H3M4.5S`.
  private static func duration(_ text: Substring) -> Int64? {
    guard text.first == "P" else { return nil }
    var units: [(letter: Character, milliseconds: Double)] = [("D", 86_400_000)]
    var total = 0.0
    var digits = ""
    var hasPart = false
    for character in text.dropFirst() {
      switch character {
      case "0"..."9", ".": digits.append(character)
      case "T":
        guard digits.isEmpty, units.first?.letter == "D" || units.isEmpty else { return nil }
        units = [("H", 3_600_000), ("M", 60_000), ("S", 1_000)]
        hasPart = false
      default:
        guard let index = units.firstIndex(where: { $0.letter == character }),
          let number = Double(digits), character == "S" || !digits.contains(".")
        else { return nil }
        total += number * units[index].milliseconds
        units.removeFirst(index + 1)
        digits = ""
        hasPart = true
      }
    }
    // Up to a thousand years: what is longer is meant as nothing else than a mistake.
    guard hasPart, digits.isEmpty, total >= 0, total < 3.2e13 else { return nil }
    return Int64(total)
  }
}

/// What holds for a share group.
struct KafkaShareRules {
  /// How long a member may be silent, in milliseconds.
  var sessionTimeout: Int
  /// How often a member is to be heard, in milliseconds.
  var interval: Int
  var sizeMax: Int
  /// How long a record is lent, in milliseconds.
  var lockDuration: Int
  /// How often a record is lent.
  var deliveriesMax: Int
  /// How many records of a partition are lent, or wait to be lent again.
  var locksMax: Int
  var readsCommitted: Bool
  /// Whether members may ask for more time.
  var renews: Bool
  var reset: KafkaShareConfig.Reset
}
