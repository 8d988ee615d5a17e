import GodwitPrimitives
import GodwitWire
import GodwitWireTesting
import NIOCore
import Testing

@Suite struct CompressionTests {
  static let formats = ["gzip", "snappy", "lz4", "zstd"]

  static func decompress(
    _ format: String, _ bytes: [UInt8], sizeMax: Int = 1 << 20
  ) throws -> [UInt8] {
    let plain = try bytes.withUnsafeBytes { pointer in
      switch format {
      case "gzip": try Gzip.decompress(pointer, sizeMax: sizeMax)
      case "snappy": try Snappy.decompress(pointer, sizeMax: sizeMax)
      case "lz4": try LZ4.decompress(pointer, sizeMax: sizeMax)
      default: try Zstandard.decompress(pointer, sizeMax: sizeMax)
      }
    }
    return Array(plain.readableBytesView)
  }

  static func compress(_ format: String, _ bytes: [UInt8]) -> [UInt8] {
    let compressed = bytes.withUnsafeBytes { pointer in
      switch format {
      case "gzip": Gzip.compress(pointer)
      case "snappy": Snappy.compress(pointer)
      case "lz4": LZ4.compress(pointer)
      default: Zstandard.compress(pointer)
      }
    }
    return Array(compressed.readableBytesView)
  }

  private func sum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.checksum($0) } }

  @Test func goldenBytesAreDecompressed() throws {
    #expect(CompressionVectors.all.count > 100)
    for vector in CompressionVectors.all {
      let name = "\(vector.format) \(vector.name)"
      do {
        let plain = try Self.decompress(vector.format, vector.bytes)
        #expect(plain.count == vector.size && sum(plain) == vector.sum, "\(name)")
      } catch {
        Issue.record("\(name): \(error)")
      }
    }
  }

  @Test func nothingComesOutBeyondTheLimit() throws {
    for vector in CompressionVectors.all where vector.size > 0 {
      #expect(throws: CompressionError.tooLarge, "\(vector.format) \(vector.name)") {
        try Self.decompress(vector.format, vector.bytes, sizeMax: vector.size - 1)
      }
      #expect(
        try Self.decompress(vector.format, vector.bytes, sizeMax: vector.size).count
          == vector.size)
    }
  }

  @Test func whatIsCutOffIsNoticed() {
    for vector in CompressionVectors.all where vector.size < 2000 {
      for count in stride(from: 0, to: vector.bytes.count, by: 7) {
        // Between two members of gzip, or two frames, an end is an end.
        guard !["members", "frames"].contains(vector.name) else { continue }
        #expect(throws: CompressionError.self, "\(vector.format) \(vector.name) \(count)") {
          try Self.decompress(vector.format, Array(vector.bytes[..<count]))
        }
      }
    }
  }

  @Test func checksumsAreChecked() throws {
    for (format, name) in [
      ("gzip", "text-6"), ("lz4", "text-linked-sum"), ("zstd", "text-9"),
    ] {
      let vector = try #require(
        CompressionVectors.all.first { $0.format == format && $0.name == name })
      var bytes = vector.bytes
      // gzip's checksum stands before the size.
      bytes[bytes.count - (format == "gzip" ? 5 : 1)] ^= 1
      #expect(throws: CompressionError.checksum, "\(format)") {
        try Self.decompress(format, bytes)
      }
    }
  }

  /// Runs, repetitions at all distances, noise, and lengths at the borders.
  static func plain(_ random: inout SplitMix64) -> [UInt8] {
    var bytes: [UInt8] = []
    let size =
      [0, 1, 4, 5, 12, 13, 300, 65_536, 70_000, 140_000].randomElement(using: &random) ?? 0
    let alphabet = UInt8.random(in: 1...255, using: &random)
    while bytes.count < size {
      let count = Int.random(in: 1...400, using: &random)
      if bytes.count > 4, Bool.random(using: &random) {
        let distance = Int.random(in: 1...bytes.count, using: &random)
        for _ in 0..<count { bytes.append(bytes[bytes.count - distance]) }
      } else {
        for _ in 0..<count { bytes.append(UInt8.random(in: 0...alphabet, using: &random)) }
      }
    }
    return Array(bytes.prefix(size))
  }

  @Test(arguments: formats) func whatIsCompressedComesBack(_ format: String) throws {
    var random = SplitMix64(seed: FuzzEffort.seed(3))
    for round in 0..<FuzzEffort.rounds(25) {
      let plain = Self.plain(&random)
      let compressed = Self.compress(format, plain)
      #expect(try Self.decompress(format, compressed) == plain, "\(format), round \(round)")
      #expect(compressed.count <= plain.count + plain.count / 6 + 40, "\(format)")
    }
  }

  @Test func textBecomesSmaller() throws {
    let text = Array(
      (0..<500).map { "line \($0) of a text that says much the same\n" }.joined().utf8)
    for format in ["gzip", "snappy", "lz4"] {
      #expect(Self.compress(format, text).count < text.count / 3, "\(format)")
    }
    #expect(Self.compress("zstd", [UInt8](repeating: 9, count: 300_000)).count < 40)
  }

  @Test(arguments: formats) func mutatedBytesNeverTrap(_ format: String) {
    let corpus = CompressionVectors.all.filter { $0.format == format && $0.bytes.count < 3000 }
    var mutator = ByteMutator(seed: FuzzEffort.seed(17), corpus: corpus.map(\.bytes))
    for _ in 0..<FuzzEffort.rounds(4000) {
      let plain = try? Self.decompress(format, mutator.next(), sizeMax: 200_000)
      #expect((plain?.count ?? 0) <= 200_000)
    }
  }

  @Test func dictionariesAreRefused() {
    // A frame header with a dictionary's number.
    #expect(throws: CompressionError.unsupported) {
      try Self.decompress("zstd", [0x28, 0xB5, 0x2F, 0xFD, 0x21, 7, 0, 1, 0, 0])
    }
  }
}
