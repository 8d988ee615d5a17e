import GodwitWire
public import NIOCore

extension KafkaCompression {
  /// Decompresses the body of a batch.
  ///
  /// - Parameters:
  ///   - bytes: the body.
  ///   - sizeMax: the most bytes that may come out.
  /// - Throws: `corruptMessage`, `messageTooLarge`, `unsupportedCompressionType` for a dictionary.
  public func decompress(
    _ bytes: ByteBuffer, sizeMax: Int
  ) throws(KafkaBatchError) -> ByteBuffer {
    let result: Result<ByteBuffer, CompressionError> = bytes.withUnsafeReadableBytes { pointer in
      do throws(CompressionError) {
        switch self {
        case .none:
          guard pointer.count <= sizeMax else { return .failure(.tooLarge) }
          return .success(bytes)
        case .gzip: return .success(try Gzip.decompress(pointer, sizeMax: sizeMax))
        case .snappy: return .success(try SnappyBlocks.decompress(pointer, sizeMax: sizeMax))
        case .lz4: return .success(try LZ4.decompress(pointer, sizeMax: sizeMax))
        case .zstd: return .success(try Zstandard.decompress(pointer, sizeMax: sizeMax))
        }
      } catch {
        return .failure(error)
      }
    }
    switch result {
    case .success(let plain): return plain
    case .failure(.tooLarge):
      throw KafkaBatchError(.messageTooLarge, "records beyond the limit when decompressed")
    case .failure(.unsupported):
      throw KafkaBatchError(.unsupportedCompressionType, "a dictionary is needed to decompress")
    case .failure: throw .corrupt("the records cannot be decompressed")
    }
  }

  /// Compresses the body of a batch. Zstandard is written in blocks that are raw, or one byte
  /// repeated.
  public func compress(_ bytes: ByteBuffer) -> ByteBuffer {
    bytes.withUnsafeReadableBytes { pointer in
      switch self {
      case .none: bytes
      case .gzip: Gzip.compress(pointer)
      case .snappy: SnappyBlocks.compress(pointer)
      case .lz4: LZ4.compress(pointer)
      case .zstd: Zstandard.compress(pointer)
      }
    }
  }
}
