import KafkaWire
import NIOCore
import Testing

@Suite struct KafkaConsumerProtocolTests {
  typealias Subscription = KafkaConsumerProtocol.Subscription
  typealias Assignment = KafkaConsumerProtocol.Assignment

  private func subscription(_ version: Int16) -> Subscription {
    .with {
      $0.topics = ["a", "b"]
      $0.userData = ByteBuffer(string: "u")
      if version >= 1 {
        $0.ownedPartitions = [
          .with {
            $0.topic = "a"
            $0.partitions = [1, 2]
          }
        ]
      }
      if version >= 2 { $0.generationID = 7 }
      if version >= 3 { $0.rackID = "r" }
    }
  }

  /// Written with the encoder of kafka-python 3.0.12.
  @Test func goldenBytesAreReadAndWritten() throws {
    let owned = "00000001000161" + "000000020000000100000002"
    let head = "00000002" + "000161" + "000162" + "0000000175"
    let tails = ["", owned, owned + "00000007", owned + "00000007" + "000172"]
    for (version, tail) in tails.enumerated() {
      let version = Int16(version)
      let bytes = ByteBuffer(bytes: Vectors.hex("000\(version)" + head + tail))
      let expected = subscription(version)
      #expect(try KafkaConsumerProtocol.decode(Subscription.self, bytes) == expected)
      #expect(try KafkaConsumerProtocol.encode(expected, version: version) == bytes)
    }
    let bytes = ByteBuffer(
      bytes: Vectors.hex("0003" + "00000001" + "000161" + "0000000100000000" + "ffffffff"))
    let assignment = Assignment.with {
      $0.assignedPartitions = [
        .with {
          $0.topic = "a"
          $0.partitions = [0]
        }
      ]
    }
    #expect(try KafkaConsumerProtocol.decode(Assignment.self, bytes) == assignment)
    #expect(try KafkaConsumerProtocol.encode(assignment, version: 3) == bytes)
  }

  @Test func laterVersionsAreReadAsFarAsTheyAreKnown() throws {
    var bytes = try KafkaConsumerProtocol.encode(subscription(3), version: 3)
    bytes.setInteger(Int16(9), at: 0)
    bytes.writeBytes([1, 2, 3])
    #expect(try KafkaConsumerProtocol.decode(Subscription.self, bytes) == subscription(3))
    bytes.setInteger(Int16(-1), at: 0)
    #expect(throws: KafkaWireError(.unsupportedVersion, "")) {
      try KafkaConsumerProtocol.decode(Subscription.self, bytes)
    }
    #expect(throws: KafkaWireError(.malformed, "")) {
      try KafkaConsumerProtocol.decode(Subscription.self, ByteBuffer(bytes: [0, 0, 0]))
    }
    #expect(throws: KafkaWireError(.unsupportedVersion, "")) {
      try KafkaConsumerProtocol.encode(Subscription(), version: 4)
    }
  }

  @Test func whatClientsJoinedWithIsRead() throws {
    var clients: Set<String> = []
    for fields in Vectors.lines("clients.txt") where ["JoinGroup", "SyncGroup"].contains(fields[1])
    {
      var frame = ByteBuffer(bytes: Vectors.hex(fields[3]))
      let header = try KafkaRequestHeader(from: &frame)
      if header.key == .joinGroup {
        let request = try KafkaJoinGroup.decodeRequest(frame, version: header.version)
        #expect(!request.protocols.isEmpty && request.protocolType == "consumer")
        for one in request.protocols {
          let subscription = try KafkaConsumerProtocol.decode(Subscription.self, one.metadata)
          #expect(subscription.topics == ["t"], "\(fields[0])")
        }
      } else {
        let request = try KafkaSyncGroup.decodeRequest(frame, version: header.version)
        for one in request.assignments {
          let assignment = try KafkaConsumerProtocol.decode(Assignment.self, one.assignment)
          #expect(assignment.assignedPartitions.map(\.topic) == ["t"], "\(fields[0])")
          #expect(assignment.assignedPartitions.first?.partitions == [0])
        }
      }
      clients.insert(fields[0])
    }
    #expect(clients == ["librdkafka", "kafkapython"])
  }
}
