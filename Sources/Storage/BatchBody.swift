import GodwitEngine
import NIOCore

/// A batch's form in a log's file: the sender's number for its form (1 byte), the length of its
/// protocol's name (1), two zero bytes, its time (8), the name, the bytes. How many records there
/// are is the frame's to say.
struct BatchBody {
  let form: UInt8
  let time: Int64
  /// The name of the sender's protocol.
  let origin: String
  var bytes: ByteBuffer

  init(form: UInt8, time: Int64, origin: String, bytes: ByteBuffer) {
    self.form = form
    self.time = time
    self.origin = origin
    self.bytes = bytes
  }

  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(
      self.form, UInt8(truncatingIfNeeded: self.origin.utf8.count), UInt16(0), self.time)
    buffer.writeString(self.origin)
    buffer.writeImmutableBuffer(self.bytes)
  }

  /// What `write` wrote; `nil` when the bytes are none. Shares their memory.
  init?(_ body: ByteBuffer) {
    var body = body
    guard
      let (form, nameCount, _, time) = body.readMultipleIntegers(
        as: (UInt8, UInt8, UInt16, Int64).self),
      let origin = body.readString(length: Int(nameCount))
    else { return nil }
    self.init(form: form, time: time, origin: origin, bytes: body)
  }
}
