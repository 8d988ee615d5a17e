import Godwit
import NIOCore

/// A codec that takes its process with it when it is to read.
struct FrailCodec: Codec {
  let mediaTypes = ["application/json"]

  func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer {
    try JSONCodec().encode(value)
  }

  func decode<Value: Sendable>(
    _ type: Value.Type, from body: ByteBuffer
  ) throws(GodwitError) -> Value {
    Death.come()
  }
}
