import NIOCore

/// A group's settings as they are written down.
extension StreamGroupSettings {
  private enum Tag {
    static let name: UInt8 = 1
    static let startKind: UInt8 = 2
    static let startAt: UInt8 = 3
    static let filter: UInt8 = 4
    static let acknowledgement: UInt8 = 5
    static let ackWait: UInt8 = 6
    static let backOff: UInt8 = 7
    static let deliveriesMax: UInt8 = 8
    static let inFlightMax: UInt8 = 9
    static let keepsPace: UInt8 = 10
    static let pausedUntil: UInt8 = 11
    static let inactiveMax: UInt8 = 12
    static let deadLetterTopic: UInt8 = 13
    static let metadata: UInt8 = 14
    static let note: UInt8 = 15
  }

  var stored: ByteBuffer {
    var writer = FieldWriter()
    writer.write(Tag.name, self.name)
    let (kind, at) = self.start.stored
    writer.write(Tag.startKind, kind)
    writer.write(Tag.startAt, at)
    for filter in self.filters { writer.write(Tag.filter, filter) }
    writer.write(Tag.acknowledgement, self.acknowledgement.rawValue)
    writer.write(Tag.ackWait, self.ackWait)
    for wait in self.backOff { writer.write(Tag.backOff, wait) }
    writer.write(Tag.deliveriesMax, self.deliveriesMax)
    writer.write(Tag.inFlightMax, self.inFlightMax)
    writer.write(Tag.keepsPace, self.keepsPace)
    writer.write(Tag.pausedUntil, self.pausedUntil)
    writer.write(Tag.inactiveMax, self.inactiveMax)
    if let topic = self.deadLetterTopic { writer.write(Tag.deadLetterTopic, topic) }
    writer.write(Tag.metadata, self.metadata)
    writer.write(Tag.note, self.notes)
    return writer.buffer
  }

  /// Settings of their written form; `nil` where that is none. Only those of groups that last are
  /// written.
  init?(stored: ByteBuffer) {
    self.init(name: "")
    var kind: Int64 = 0
    var at: Int64 = 0
    for field in Field.all(in: stored) {
      switch field.tag {
      case Tag.name: self.name = field.text
      case Tag.startKind: kind = field.number
      case Tag.startAt: at = field.number
      case Tag.filter: if let pattern = field.pattern { self.filters.append(pattern) }
      case Tag.acknowledgement:
        let value = UInt8(truncatingIfNeeded: field.number)
        self.acknowledgement = Acknowledgement(rawValue: value) ?? .each
      case Tag.ackWait: self.ackWait = field.number
      case Tag.backOff: self.backOff.append(field.number)
      case Tag.deliveriesMax: self.deliveriesMax = field.count
      case Tag.inFlightMax: self.inFlightMax = field.count
      case Tag.keepsPace: self.keepsPace = field.flag
      case Tag.pausedUntil: self.pausedUntil = field.number
      case Tag.inactiveMax: self.inactiveMax = field.number
      case Tag.deadLetterTopic: self.deadLetterTopic = field.array
      case Tag.metadata: self.metadata[field.entry.key] = field.entry.value
      case Tag.note: self.notes[field.entry.key] = field.entry.value
      default: break
      }
    }
    self.start = Start(stored: kind, at)
    if self.name.isEmpty { return nil }
  }
}

extension StreamGroupSettings.Start {
  fileprivate var stored: (kind: Int64, at: Int64) {
    switch self {
    case .all: (0, 0)
    case .last: (1, 0)
    case .lastPerTopic: (2, 0)
    case .new: (3, 0)
    case .offset(let offset): (4, Int64(bitPattern: offset))
    case .time(let time): (5, time)
    }
  }

  fileprivate init(stored kind: Int64, _ at: Int64) {
    switch kind {
    case 1: self = .last
    case 2: self = .lastPerTopic
    case 3: self = .new
    case 4: self = .offset(UInt64(bitPattern: at))
    case 5: self = .time(at)
    default: self = .all
    }
  }
}
