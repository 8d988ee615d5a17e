import NIOCore

/// A stream's settings as they are written down.
extension StreamSettings: Definable {
  static var journal: String { "streams" }

  private enum Tag {
    static let name: UInt8 = 1
    static let pattern: UInt8 = 2
    static let retention: UInt8 = 3
    static let recordsMax: UInt8 = 4
    static let bytesMax: UInt8 = 5
    static let ageMax: UInt8 = 6
    static let recordBytesMax: UInt8 = 7
    static let recordsPerTopicMax: UInt8 = 8
    static let refuses: UInt8 = 9
    static let refusesPerTopic: UInt8 = 10
    static let duplicateWindow: UInt8 = 11
    static let isInMemory: UInt8 = 12
    static let deniesDelete: UInt8 = 13
    static let deniesPurge: UInt8 = 14
    static let allowsRollup: UInt8 = 15
    static let allowsExpiry: UInt8 = 16
    static let firstOffset: UInt8 = 17
    static let isSealed: UInt8 = 18
    static let groupsMax: UInt8 = 19
    static let metadata: UInt8 = 20
    static let note: UInt8 = 21
    static let markerLife: UInt8 = 22
    static let transform: UInt8 = 23
    static let republish: UInt8 = 24
    static let republishesBare: UInt8 = 25
    static let isPrepared: UInt8 = 26
    static let sendsScheduled: UInt8 = 27
    static let keepsBatches: UInt8 = 28
  }

  var stored: ByteBuffer {
    var writer = FieldWriter()
    writer.write(Tag.name, self.name)
    for pattern in self.patterns { writer.write(Tag.pattern, pattern) }
    writer.write(Tag.retention, self.retention.rawValue)
    writer.write(Tag.recordsMax, self.recordsMax)
    writer.write(Tag.bytesMax, self.bytesMax)
    writer.write(Tag.ageMax, self.ageMax)
    writer.write(Tag.recordBytesMax, self.recordBytesMax)
    writer.write(Tag.recordsPerTopicMax, self.recordsPerTopicMax)
    writer.write(Tag.refuses, self.overflow == .refuse)
    writer.write(Tag.refusesPerTopic, self.refusesPerTopic)
    writer.write(Tag.duplicateWindow, self.duplicateWindow)
    writer.write(Tag.isInMemory, self.storage == .memory)
    writer.write(Tag.deniesDelete, self.deniesDelete)
    writer.write(Tag.deniesPurge, self.deniesPurge)
    writer.write(Tag.allowsRollup, self.allowsRollup)
    writer.write(Tag.allowsExpiry, self.allowsExpiry)
    writer.write(Tag.firstOffset, self.firstOffset)
    writer.write(Tag.isSealed, self.isSealed)
    writer.write(Tag.groupsMax, self.groupsMax)
    writer.write(Tag.metadata, self.metadata)
    writer.write(Tag.note, self.notes)
    writer.write(Tag.markerLife, self.markerLife)
    writer.write(Tag.isPrepared, self.isPrepared)
    writer.write(Tag.sendsScheduled, self.sendsScheduled)
    writer.write(Tag.keepsBatches, self.keepsBatches)
    if let transform = self.transform { writer.write(Tag.transform, transform) }
    if let republish = self.republish {
      writer.write(Tag.republish, republish.transform)
      writer.write(Tag.republishesBare, republish.withoutPayload)
    }
    return writer.buffer
  }

  /// Settings of their written form; `nil` where that is none.
  init?(stored: ByteBuffer) {
    self.init(name: "", patterns: [])
    for field in Field.all(in: stored) {
      switch field.tag {
      case Tag.name: self.name = field.text
      case Tag.pattern: if let pattern = field.pattern { self.patterns.append(pattern) }
      case Tag.retention:
        self.retention = Retention(rawValue: UInt8(truncatingIfNeeded: field.number)) ?? .limits
      case Tag.metadata: self.metadata[field.entry.key] = field.entry.value
      case Tag.note: self.notes[field.entry.key] = field.entry.value
      case Tag.transform: self.transform = field.transform
      case Tag.republish: self.republish = field.transform.map { RepublishSettings(transform: $0) }
      case Tag.republishesBare: self.republish?.withoutPayload = field.flag
      default: self.readLimit(field)
      }
    }
    if self.name.isEmpty { return nil }
  }

  private mutating func readLimit(_ field: Field) {
    switch field.tag {
    case Tag.recordsMax: self.recordsMax = field.count
    case Tag.bytesMax: self.bytesMax = field.count
    case Tag.ageMax: self.ageMax = field.number
    case Tag.recordBytesMax: self.recordBytesMax = field.count
    case Tag.recordsPerTopicMax: self.recordsPerTopicMax = field.count
    case Tag.refuses: self.overflow = field.flag ? .refuse : .dropOldest
    case Tag.refusesPerTopic: self.refusesPerTopic = field.flag
    case Tag.duplicateWindow: self.duplicateWindow = field.number
    case Tag.isInMemory: self.storage = field.flag ? .memory : .file
    case Tag.deniesDelete: self.deniesDelete = field.flag
    case Tag.deniesPurge: self.deniesPurge = field.flag
    case Tag.allowsRollup: self.allowsRollup = field.flag
    case Tag.allowsExpiry: self.allowsExpiry = field.flag
    case Tag.firstOffset: self.firstOffset = UInt64(bitPattern: field.number)
    case Tag.isSealed: self.isSealed = field.flag
    case Tag.groupsMax: self.groupsMax = field.count
    case Tag.markerLife: self.markerLife = field.number
    case Tag.isPrepared: self.isPrepared = field.flag
    case Tag.sendsScheduled: self.sendsScheduled = field.flag
    case Tag.keepsBatches: self.keepsBatches = field.flag
    default: break
    }
  }
}
