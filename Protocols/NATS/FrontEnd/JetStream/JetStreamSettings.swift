import GodwitEngine
import GodwitPrimitives
import NATSWire

/// Streams and groups in JetStream's words, and back.
///
/// Sequences are JetStream's, from 1; offsets are the engine's, from 0. What the engine has no name
/// for is kept as a note, so that clients find what they said.
enum JetStreamSettings {
  private static let note = "jetstream"

  /// What of a valid configuration is not served here.
  static func unsupported(_ config: JetStreamStreamConfig) -> JetStreamError? {
    let wishes: [(Bool, String)] = [
      (
        ([config.mirror].compactMap { $0 } + config.sources).contains { $0.external != nil },
        "streams of other accounts and domains"
      ),
      (config.allowAtomicPublish && config.allowMessageCounter, "batches that count"),
      (config.subjects.count > 1_024, "more than 1024 subjects"),
    ]
    return wishes.first { $0.0 }.map {
      JetStreamError(.streamInvalidConfig, "\($0.1) are not supported by this server")
    }
  }

  /// What of a valid configuration is not served here.
  static func unsupported(_ config: JetStreamConsumerConfig) -> JetStreamError? {
    let wishes: [(Bool, String)] = [
      (config.filters.count > 1_024, "more than 1024 filters")
    ]
    return wishes.first { $0.0 }.map {
      JetStreamError(.consumerCreate, "\($0.1) are not supported by this server")
    }
  }

  // MARK: Streams

  static func settings(
    _ config: JetStreamStreamConfig
  ) throws(JetStreamError) -> StreamSettings {
    var settings = StreamSettings(
      name: config.name, patterns: config.subjects.map { self.pattern($0) })
    switch config.retention {
    case .limits: settings.retention = .limits
    case .interest: settings.retention = .interest
    case .workQueue: settings.retention = .workQueue
    }
    settings.recordsMax = Int(clamping: max(0, config.maxMessages))
    settings.bytesMax = Int(clamping: max(0, config.maxBytes))
    settings.ageMax = config.maxAge
    settings.recordBytesMax = Int(max(0, config.maxMessageBytes))
    settings.recordsPerTopicMax = Int(clamping: max(0, config.maxMessagesPerSubject))
    settings.overflow = config.discard == .new ? .refuse : .dropOldest
    settings.refusesPerTopic = config.discardNewPerSubject
    settings.duplicateWindow = config.duplicateWindow
    settings.storage = config.storage == .memory ? .memory : .file
    settings.deniesDelete = config.denyDelete
    settings.deniesPurge = config.denyPurge
    settings.allowsRollup = config.allowRollup && !config.denyPurge
    settings.allowsExpiry = config.allowMessageTTL
    settings.firstOffset = config.firstSequence > 0 ? config.firstSequence - 1 : 0
    settings.isSealed = config.isSealed
    settings.metadata = config.metadata
    settings.markerLife = config.subjectDeleteMarkerTTL
    settings.isPrepared =
      config.allowMessageCounter || config.allowMessageSchedules || config.allowAtomicPublish
    settings.keepsBatches = config.allowAtomicPublish
    settings.sendsScheduled = config.allowMessageSchedules
    if let mapping = config.subjectTransform {
      settings.transform = try self.transform(mapping.source, mapping.destination)
    }
    if let republish = config.republish {
      settings.republish = try self.transform(republish.source, republish.destination)
        .map { RepublishSettings(transform: $0, withoutPayload: republish.headersOnly) }
    }
    settings.notes[self.note] = String(decoding: config.encoded, as: UTF8.self)
    return settings
  }

  static func transform(
    _ source: String, _ destination: String
  ) throws(JetStreamError) -> TopicTransform? {
    guard !destination.isEmpty else { return nil }
    do throws(EngineError) {
      return try TopicTransform(
        source: self.pattern(source.isEmpty ? ">" : source), template: destination)
    } catch {
      // The engine knows no random numbers, and no wildcards below 1.
      throw JetStreamError(.streamTransformInvalidDestination, error.message)
    }
  }

  static func config(_ settings: StreamSettings) -> JetStreamStreamConfig {
    var config: JetStreamStreamConfig = self.read(settings.notes) ?? JetStreamStreamConfig()
    config.name = settings.name
    config.subjects = settings.patterns.map { String(decoding: $0.bytes, as: UTF8.self) }
    switch settings.retention {
    case .limits: config.retention = .limits
    case .interest: config.retention = .interest
    case .workQueue: config.retention = .workQueue
    }
    config.maxMessages = settings.recordsMax > 0 ? Int64(settings.recordsMax) : -1
    config.maxBytes = settings.bytesMax > 0 ? Int64(settings.bytesMax) : -1
    config.maxAge = settings.ageMax
    config.maxMessageBytes =
      settings.recordBytesMax > 0 ? Int32(clamping: settings.recordBytesMax) : -1
    config.maxMessagesPerSubject =
      settings.recordsPerTopicMax > 0 ? Int64(settings.recordsPerTopicMax) : -1
    if config.maxConsumers == 0 { config.maxConsumers = -1 }
    if config.replicas == 0 { config.replicas = 1 }
    config.discard = settings.overflow == .refuse ? .new : .old
    config.duplicateWindow = settings.duplicateWindow
    config.storage = settings.storage == .memory ? .memory : .file
    config.denyDelete = settings.deniesDelete
    config.denyPurge = settings.deniesPurge
    config.allowMessageTTL = settings.allowsExpiry
    config.isSealed = settings.isSealed
    config.metadata = settings.metadata
    return config
  }

  // MARK: Consumers

  static func settings(_ config: JetStreamConsumerConfig) -> StreamGroupSettings {
    var settings = StreamGroupSettings(name: config.name)
    switch config.deliverPolicy {
    case .all: settings.start = .all
    case .last: settings.start = .last
    case .new: settings.start = .new
    case .lastPerSubject: settings.start = .lastPerTopic
    case .byStartSequence:
      settings.start = .offset(config.startSequence > 0 ? config.startSequence - 1 : 0)
    case .byStartTime:
      settings.start = .time(config.startTime?.nanosecondsSince1970 ?? 0)
    }
    settings.filters = config.filters.map { self.pattern($0) }
    switch config.ackPolicy {
    case .none: settings.acknowledgement = .none
    case .all: settings.acknowledgement = .all
    case .explicit: settings.acknowledgement = .each
    }
    if config.ackWait > 0 { settings.ackWait = config.ackWait }
    settings.backOff = config.backOff
    settings.deliveriesMax = max(0, config.maxDeliver)
    settings.inFlightMax = config.ackPolicy == .none ? 0 : max(0, config.maxAckPending)
    settings.keepsPace = config.replayPolicy == .original
    settings.pausedUntil = config.pauseUntil.map { max(0, $0.nanosecondsSince1970) } ?? 0
    settings.inactiveMax =
      config.inactiveThreshold > 0 || config.isDurable
      ? config.inactiveThreshold : JetStreamLimits.inactiveThresholdDefault
    settings.isDurable = config.isDurable && !config.memoryStorage
    settings.metadata = config.metadata
    settings.notes[self.note] = String(decoding: config.encoded, as: UTF8.self)
    return settings
  }

  /// The configuration of a consumer; that of a group which another protocol made, as a pull
  /// consumer.
  static func config(_ settings: StreamGroupSettings) -> JetStreamConsumerConfig {
    if let config: JetStreamConsumerConfig = self.read(settings.notes) { return config }
    var config = JetStreamConsumerConfig()
    config.name = settings.name
    if settings.isDurable { config.durableName = settings.name }
    switch settings.acknowledgement {
    case .none: config.ackPolicy = .none
    case .all: config.ackPolicy = .all
    case .each: config.ackPolicy = .explicit
    }
    config.filterSubjects = settings.filters.map { String(decoding: $0.bytes, as: UTF8.self) }
    config.ackWait = settings.ackWait
    config.backOff = settings.backOff
    config.maxDeliver = settings.deliveriesMax > 0 ? settings.deliveriesMax : -1
    config.maxAckPending = settings.inFlightMax > 0 ? settings.inFlightMax : -1
    config.maxWaiting = JetStreamLimits.maxWaitingDefault
    config.metadata = settings.metadata
    return config
  }

  private static func read<Object: JetStreamObject>(_ notes: [String: String]) -> Object? {
    guard var text = notes[self.note] else { return nil }
    return text.withUTF8 { try? Object(parsing: UnsafeRawBufferPointer($0), isStrict: false) }
  }

  static func pattern(_ subject: String) -> TopicPattern {
    TopicPattern(canonical: Array(subject.utf8))
  }
}
