import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaPartitionerTests {
  /// What Kafka's own `UtilsTest` expects of its hash.
  @Test(arguments: [
    ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
    ("a-little-bit-longer-string", -1_486_304_829),
    ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
  ])
  func theHashIsKafkas(_ key: String, _ hash: Int) {
    #expect(Int(Int32(bitPattern: KafkaPartitioner.hash(Array(key.utf8)))) == hash)
  }

  @Test func aKeyHasAPartition() {
    for count in 1...20 {
      for key in 0..<50 {
        let chosen = KafkaPartitioner.partition(of: Array("k\(key)".utf8), among: count)
        #expect((0..<count).contains(chosen))
      }
    }
  }
}
