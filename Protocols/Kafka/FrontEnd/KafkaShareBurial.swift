import GodwitEngine

/// Dead letters of some records that a share group has given up, on their way to where the settings
/// say. A record is dying until its letter lasts, so that a crash leaves the record, the letter or
/// both.
final class KafkaShareBurial {
  /// So many records at once,
  private static let recordsMax: UInt64 = 256
  /// and no further one beyond so many bytes.
  private static let bytesMax = 1 << 20

  private let dying: PartitionWindow.Dying
  private let partition: Partition
  private let group: String
  private var walk: RecordWalk?
  private var letters: [(record: Record, death: Death, topic: [UInt8])] = []
  private var bytes = 0
  /// What is dead, ascending: buried, or without a grave.
  private var done: [Range<UInt64>] = []
  private var left = 0
  private var hasFailed = false
  private var body: ((_ offsets: [Range<UInt64>], _ hasFailed: Bool) -> Void)?
  /// Until there is another.
  var wait: (any KafkaAlarm)?

  init(_ dying: PartitionWindow.Dying, of partition: Partition, group: String) {
    var dying = dying
    let first = dying.offsets.lowerBound
    dying.offsets = first..<min(dying.offsets.upperBound, first + Self.recordsMax)
    self.dying = dying
    self.partition = partition
    self.group = group
  }

  func cancel() {
    walk?.cancel()
    walk = nil
    wait?.cancel()
    wait = nil
    body = nil
  }

  /// - Parameter body: called once with what is dead now, and whether a letter could not be kept.
  func start(_ body: @escaping (_ offsets: [Range<UInt64>], _ hasFailed: Bool) -> Void) {
    self.body = body
    let walk = RecordWalk(
      LogView(partition), from: dying.offsets.lowerBound, to: dying.offsets.upperBound,
      visit: { [weak self] found, publication in self?.visit(found.offset, &publication) ?? false },
      done: { [weak self] walk in self?.bury(to: walk.position) })
    self.walk = walk
    walk.start()
  }

  private var tenant: Tenant { partition.topic.tenant }

  private func visit(_ offset: UInt64, _ publication: inout Publication) -> Bool {
    let record = publication.record(tenant.engine)
    let topic = tenant.deadLetters.destination(
      of: record, log: partition.topic.name, group: group)
    guard let topic else { return true }
    let count = dying.deliveryCount
    let reason =
      dying.isRejected
      ? "rejected" : "handed out \(count) \(count == 1 ? "time" : "times") in vain"
    letters.append(
      (
        record,
        Death(
          log: partition.topic.name, partition: partition.index, offset: offset, group: group,
          deliveries: count, reason: reason), topic
      ))
    bytes += publication.payload.count + publication.native.count
    return bytes < Self.bytesMax
  }

  /// Buries what was found before `end`.
  private func bury(to end: UInt64) {
    walk = nil
    let end = max(dying.offsets.lowerBound, min(end, dying.offsets.upperBound))
    var next = dying.offsets.lowerBound
    for letter in letters {
      // What lies between has no grave, or is gone.
      add(next..<letter.death.offset)
      next = letter.death.offset + 1
    }
    add(next..<max(next, end))
    let letters = letters
    self.letters = []
    left = letters.count + 1
    for (record, death, topic) in letters {
      tenant.deadLetters.bury(record, death, to: topic) { [weak self] error in
        guard let self else { return }
        if error == nil { add(death.offset..<death.offset + 1) } else { hasFailed = true }
        answered()
      }
    }
    answered()
  }

  private func add(_ offsets: Range<UInt64>) {
    guard !offsets.isEmpty else { return }
    if let last = done.last, last.upperBound == offsets.lowerBound {
      done[done.count - 1] = last.lowerBound..<offsets.upperBound
    } else {
      done.append(offsets)
    }
  }

  private func answered() {
    left -= 1
    guard left == 0 else { return }
    let body = body
    self.body = nil
    body?(done, hasFailed)
  }
}
