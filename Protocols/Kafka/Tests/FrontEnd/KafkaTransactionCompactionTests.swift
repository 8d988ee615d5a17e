import GodwitEngine
import GodwitWireTesting
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// What compaction makes of transactions: for each key the last committed value is there, nothing
/// that was aborted is, and in the end nothing else either.
@Suite struct KafkaTransactionCompactionTests {
  private static let life: Int64 = 20

  /// A producer, and what it has written in its transaction.
  private struct Writer {
    var producer: KafkaTransaction.Producer
    var isOpen = false
  }

  /// A record, as the log was given it.
  private struct Put {
    var offset: UInt64
    var key: String
    /// Values are numbers of their own; 0 says that the key is gone.
    var value: Int
    var writer: Int?
    var isAborted = false
    var isDecided = false
  }

  private final class Model {
    let rig: TransactionRig
    var dice: SplitMix64
    var writers: [Writer] = []
    var puts: [Put] = []
    var values = 0

    init(seed: UInt64) throws {
      rig = try TransactionRig {
        $0.cleanup = .compact
        $0.tombstoneLife = KafkaTransactionCompactionTests.life * 1_000_000_000
      }
      dice = SplitMix64(seed: seed)
      for index in 0..<4 {
        writers.append(Writer(producer: try #require(rig.begin("\(index)")).get()))
      }
    }

    func step() throws {
      let writer = Int.random(in: 0..<writers.count, using: &dice)
      switch Int.random(in: 0..<20, using: &dice) {
      case 0..<9: try put(writer)
      case 9..<12: try put(nil)
      case 12..<16: try end(writer, isCommit: Bool.random(using: &dice))
      case 16..<19: rig.pass(seconds: Int64.random(in: 1...12, using: &dice))
      default: try rig.restart()
      }
    }

    private func put(_ writer: Int?) throws {
      var builder = KafkaBatchBuilder()
      if let writer {
        let producer = writers[writer].producer
        rig.transactions.add([TransactionRig.place(0)], to: "\(writer)", producer) {
          #expect($0 == .noError)
        }
        builder.producerID = producer.id
        builder.producerEpoch = producer.epoch
        builder.baseSequence = 0
        builder.attributes.isTransactional = true
        writers[writer].isOpen = true
      }
      let partition = rig.partitions[0]
      let first = partition.partition.nextOffset
      let count = Int.random(in: 1...3, using: &dice)
      for index in 0..<count {
        let key = "k\(Int.random(in: 0..<5, using: &dice))"
        values += 1
        let value = Int.random(in: 0..<5, using: &dice) == 0 ? 0 : values
        puts.append(
          Put(
            offset: first + UInt64(index), key: key, value: value, writer: writer,
            isDecided: writer == nil))
        try builder.append(
          KafkaRecord(
            offset: Int64(index), timestamp: 1, key: ByteBuffer(string: key),
            value: value == 0 ? nil : ByteBuffer(string: "\(key)=\(value)")))
      }
      let offset = try partition.partition.append(
        batch: try builder.finish(), form: 0, origin: rig.origin, count: count, time: 1)
      #expect(offset == first)
      if let writer { partition.began(writers[writer].producer.id, at: offset) }
    }

    func end(_ writer: Int, isCommit: Bool) throws {
      guard writers[writer].isOpen else { return }
      rig.transactions.end(
        "\(writer)", writers[writer].producer, isCommit: isCommit, raises: true
      ) { result in
        guard case .success(let next) = result else {
          Issue.record("\(result)")
          return
        }
        self.writers[writer].producer = next
      }
      writers[writer].isOpen = false
      for index in puts.indices where puts[index].writer == writer && !puts[index].isDecided {
        puts[index].isDecided = true
        puts[index].isAborted = !isCommit
      }
    }

    /// For each key the last value that is committed, and not behind what is open.
    var wanted: [String: Int] {
      let stable = rig.partitions[0].lastStableOffset
      var found: [String: Int] = [:]
      for put in puts where put.isDecided && !put.isAborted && put.offset < stable {
        found[put.key] = put.value
      }
      return found.filter { $0.value != 0 }
    }

    /// Nothing is left but the last of each key, and the markers of those who have written them.
    func checkEnd(_ comment: Comment) {
      let log = rig.partitions[0].partition.log
      let left = puts.filter { log.next(from: $0.offset) == $0.offset }
      #expect(left.allSatisfy { !$0.isAborted }, comment)
      #expect(Set(left.map(\.key)).count == left.count, comment)
      #expect(Set(left.map(\.value)) == Set(wanted.values), comment)
      #expect(rig.markers(0).count <= left.count, comment)
    }

    /// What readers see who are sent a few entries at a time, and whether it may be seen.
    func check(_ comment: Comment) {
      let log = rig.partitions[0].partition
      var seen: [String: Int] = [:]
      var offset: UInt64 = 0
      let allowed = Set(puts.filter { $0.isDecided && !$0.isAborted }.map(\.value))
      while offset < log.nextOffset {
        let entries = Array(
          log.entries(from: offset, maxBytes: 1 << 20).prefix(
            Int.random(in: 1...6, using: &dice)))
        guard let end = entries.last?.offsets.upperBound else { break }
        for text in rig.committed(0, entries, from: offset) {
          let parts = text.split(separator: "=")
          let value = parts.count == 2 ? Int(parts[1]) ?? -1 : 0
          #expect(allowed.contains(value), "\(text) \(comment)")
          seen[String(parts[0])] = value
        }
        offset = end
      }
      #expect(seen.filter { $0.value != 0 } == wanted, comment)
    }
  }

  @Test(arguments: 0..<24) func committedValuesStayAndAbortedOnesGo(seed: Int) throws {
    let model = try Model(seed: UInt64(seed))
    for step in 0..<120 {
      try model.step()
      model.check("seed \(seed), step \(step)")
    }
    for writer in model.writers.indices { try model.end(writer, isCommit: writer % 2 == 0) }
    for _ in 0..<12 {
      model.rig.pass(seconds: 6)
      model.check("seed \(seed), at the end")
    }
    model.checkEnd("seed \(seed)")
    try model.rig.restart()
    model.check("seed \(seed), after a restart")
  }
}
