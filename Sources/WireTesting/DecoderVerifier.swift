public import GodwitWire
import NIOCore

/// A decoder that did not do what its test pair says.
public struct DecoderMismatch: Error, CustomStringConvertible {
  /// What was tried and what came of it.
  public let description: String

  init(_ description: String) { self.description = description }
}

/// Feeds `bytes` to fresh decoders in every way a network may deliver them, and expects `frame`
/// each time: whole, byte by byte, split at every point, twice in a row, and behind other bytes.
///
/// - Parameters:
///   - bytes: exactly one frame.
///   - frame: what they are.
///   - makeDecoder: a decoder in the state before these bytes.
/// - Throws: `DecoderMismatch`.
public func verifyDecoder<D: WireDecoder & ~Copyable>(
  _ bytes: [UInt8], _ frame: D.Frame, makeDecoder: () -> D
) throws where D.Frame: Equatable {
  try expect(chunks: [bytes], frames: [frame], "whole", makeDecoder())
  try expect(chunks: bytes.map { [$0] }, frames: [frame], "byte by byte", makeDecoder())
  for split in 1..<max(bytes.count, 1) {
    let chunks = [Array(bytes[..<split]), Array(bytes[split...])]
    try expect(chunks: chunks, frames: [frame], "split at \(split)", makeDecoder())
  }
  try expect(chunks: [bytes + bytes], frames: [frame, frame], "doubled", makeDecoder())
  try expect(chunks: [bytes], frames: [frame], "at reader index 3", makeDecoder(), offset: 3)
}

/// Feeds `bytes` whole and byte by byte and expects a refusal both times.
///
/// - Returns: the error of the whole bytes.
/// - Throws: `DecoderMismatch` when the bytes are taken or not even refused at their end.
public func verifyRefusal<D: WireDecoder & ~Copyable>(
  _ bytes: [UInt8], makeDecoder: () -> D
) throws -> D.Failure where D.Failure: Equatable {
  let whole = try refusal(chunks: [bytes], "whole", makeDecoder())
  let dripped = try refusal(chunks: bytes.map { [$0] }, "byte by byte", makeDecoder())
  guard whole == dripped else {
    throw DecoderMismatch("refused with \(whole) whole, with \(dripped) byte by byte")
  }
  return whole
}

private func expect<D: WireDecoder & ~Copyable>(
  chunks: [[UInt8]], frames: [D.Frame], _ way: String, _ decoder: consuming D, offset: Int = 0
) throws where D.Frame: Equatable {
  var buffer = ByteBuffer(repeating: 0x55, count: offset)
  buffer.moveReaderIndex(forwardBy: offset)
  var decoded: [D.Frame] = []
  for chunk in chunks {
    buffer.writeBytes(chunk)
    while true {
      let before = buffer
      let frame: D.Frame?
      do {
        frame = try decoder.decode(&buffer)
      } catch {
        throw DecoderMismatch("\(way): refused with \(error)")
      }
      guard let frame else {
        guard buffer.readerIndex == before.readerIndex, buffer == before else {
          throw DecoderMismatch("\(way): an incomplete frame was touched")
        }
        break
      }
      guard buffer.readerIndex > before.readerIndex else {
        throw DecoderMismatch("\(way): a frame out of no bytes")
      }
      decoded.append(frame)
    }
  }
  guard decoded == frames else {
    throw DecoderMismatch("\(way): got \(decoded), not \(frames)")
  }
  guard buffer.readableBytes == 0 else {
    throw DecoderMismatch("\(way): \(buffer.readableBytes) bytes left over")
  }
}

private func refusal<D: WireDecoder & ~Copyable>(
  chunks: [[UInt8]], _ way: String, _ decoder: consuming D
) throws -> D.Failure {
  var buffer = ByteBuffer()
  for chunk in chunks {
    buffer.writeBytes(chunk)
    let frame: D.Frame?
    do throws(D.Failure) {
      frame = try decoder.decode(&buffer)
    } catch {
      return error
    }
    if let frame { throw DecoderMismatch("\(way): taken as \(frame)") }
  }
  throw DecoderMismatch("\(way): still waiting at the end")
}
