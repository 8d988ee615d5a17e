import GodwitPrimitives
import GodwitWireTesting
import KafkaWire
import NIOCore
import Testing

/// Every message in every version.
@Suite struct KafkaMessageTests {
  private func reader(_ bytes: [UInt8], _ api: any KafkaAPI.Type, _ version: Int16) -> KafkaReader {
    KafkaReader(
      ByteBuffer(bytes: bytes), version: version, isFlexible: api.isFlexible(version))
  }

  private func write(
    _ structure: some KafkaStructure, _ api: any KafkaAPI.Type, _ version: Int16
  ) throws -> [UInt8] {
    var writer = KafkaWriter(
      ByteBuffer(), version: version, isFlexible: api.isFlexible(version))
    try structure.write(to: &writer)
    return Array(writer.written.readableBytesView)
  }

  private func read<S: KafkaStructure>(
    _: S.Type, _ bytes: [UInt8], _ api: any KafkaAPI.Type, _ version: Int16
  ) throws -> S {
    var reader = self.reader(bytes, api, version)
    let structure = try S(from: &reader)
    try reader.finish()
    return structure
  }

  private func check<S: KafkaStructure>(_ type: S.Type, _ vector: Vectors.Message) throws {
    let structure = try read(type, vector.bytes, vector.api, vector.version)
    let text = ValueDump.text(
      structure, version: vector.version, isFlexible: vector.api.isFlexible(vector.version))
    let sum = Array(text.utf8).withUnsafeBytes { CRC32C.checksum($0) }
    #expect(sum == vector.valueSum, "\(vector.name): \(text)")
    #expect(try write(structure, vector.api, vector.version) == vector.bytes, "\(vector.name)")
    // One byte less is noticed, and so is one more.
    for count in stride(from: 0, to: vector.bytes.count, by: 3) {
      #expect(throws: KafkaWireError.self, "\(vector.name), \(count) bytes") {
        try read(type, Array(vector.bytes[..<count]), vector.api, vector.version)
      }
    }
    #expect(throws: KafkaWireError.self, "\(vector.name)") {
      try read(type, vector.bytes + [0], vector.api, vector.version)
    }
  }

  private func check<A: KafkaAPI>(_: A.Type, _ vector: Vectors.Message) throws {
    if vector.isRequest {
      try check(A.Request.self, vector)
    } else {
      try check(A.Response.self, vector)
    }
  }

  @Test func goldenBytesAreReadAndWritten() throws {
    for vector in Vectors.messages { try check(vector.api, vector) }
  }

  @Test func everyVersionHasGoldenBytes() {
    for api in KafkaAPIs.all {
      for isRequest in [true, false] {
        let versions = Vectors.messages.filter { $0.api == api && $0.isRequest == isRequest }
        #expect(Set(versions.map(\.version)) == Set(api.versions), "\(api)")
      }
    }
    #expect(KafkaAPIs.all.count == 53)
  }

  private func roundTrip<S: KafkaStructure>(
    _: S.Type, _ api: any KafkaAPI.Type, _ version: Int16, seed: UInt64
  ) throws {
    var fill = ValueFill(version: version, random: SplitMix64(seed: seed))
    var structure = S()
    fill.fill(structure: &structure)
    let bytes = try write(structure, api, version)
    let again = try read(S.self, bytes, api, version)
    let name = "\(api) \(S.self) v\(version), seed \(seed)"
    let isFlexible = api.isFlexible(version)
    #expect(
      ValueDump.text(again, version: version, isFlexible: isFlexible)
        == ValueDump.text(structure, version: version, isFlexible: isFlexible), "\(name)")
    #expect(try write(again, api, version) == bytes, "\(name)")
  }

  private func roundTrip<A: KafkaAPI>(_: A.Type, seed: UInt64) throws {
    for version in A.versions {
      try roundTrip(A.Request.self, A.self, version, seed: seed)
      try roundTrip(A.Response.self, A.self, version, seed: seed)
    }
  }

  @Test func randomValuesComeBack() throws {
    let first = FuzzEffort.seed(4)
    for round in 0..<UInt64(FuzzEffort.rounds(10)) {
      for api in KafkaAPIs.all { try roundTrip(api, seed: first &+ round) }
    }
  }

  private func survive<S: KafkaStructure>(
    _: S.Type, _ bytes: [UInt8], _ api: any KafkaAPI.Type, _ version: Int16
  ) {
    guard let structure = try? read(S.self, bytes, api, version) else { return }
    // What was taken can be written and is taken again.
    guard let written = try? write(structure, api, version) else { return }
    #expect(throws: Never.self) { try read(S.self, written, api, version) }
  }

  private func survive<A: KafkaAPI>(_: A.Type, _ bytes: [UInt8], _ vector: Vectors.Message) {
    if vector.isRequest {
      survive(A.Request.self, bytes, A.self, vector.version)
    } else {
      survive(A.Response.self, bytes, A.self, vector.version)
    }
  }

  @Test func mutatedBytesNeverTrap() {
    var mutator = ByteMutator(
      seed: FuzzEffort.seed(71), corpus: Vectors.messages.map(\.bytes), bytesMax: 4096)
    for _ in 0..<FuzzEffort.rounds(20_000) {
      let bytes = mutator.next()
      guard let vector = Vectors.messages.randomElement(using: &mutator.random) else { return }
      survive(vector.api, bytes, vector)
    }
  }

  @Test func mutatedBytesOfTheirOwnKindNeverTrap() {
    for (index, vector) in Vectors.messages.enumerated() where !vector.bytes.isEmpty {
      var mutator = ByteMutator(seed: FuzzEffort.seed(UInt64(index)), corpus: [vector.bytes])
      for _ in 0..<FuzzEffort.rounds(15) { survive(vector.api, mutator.next(), vector) }
    }
  }
}
