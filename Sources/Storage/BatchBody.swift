import GodwitEngine
import NIOCore

/// A batch's form in a log's file: what is known of it, and the bytes. How many records there are
/// is the frame's to say.
struct BatchBody {
  let head: BatchHead
  var bytes: ByteBuffer

  func write(to buffer: inout ByteBuffer) {
    self.head.write(to: &buffer)
    buffer.writeImmutableBuffer(self.bytes)
  }

  /// What `write` wrote; `nil` when the bytes are none. Shares their memory.
  init?(_ body: ByteBuffer) {
    var body = body
    guard let head = BatchHead(from: &body) else { return nil }
    self.head = head
    self.bytes = body
  }
}

/// What stands before the bytes of a batch: the sender's number for their form (1 byte), the length
/// of its protocol's name (1), two zero bytes, its time (8), the name.
struct BatchHead {
  let form: UInt8
  let time: Int64
  /// The name of the sender's protocol.
  let origin: String

  init(form: UInt8, time: Int64, origin: String) {
    self.form = form
    self.time = time
    self.origin = origin
  }

  /// How many bytes it takes.
  var byteCount: Int { 12 + self.origin.utf8.count }

  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(
      self.form, UInt8(truncatingIfNeeded: self.origin.utf8.count), UInt16(0), self.time)
    buffer.writeString(self.origin)
  }

  /// Takes what `write` wrote from the front of `body`; `nil` when that is none.
  init?(from body: inout ByteBuffer) {
    guard
      let (form, nameCount, _, time) = body.readMultipleIntegers(
        as: (UInt8, UInt8, UInt16, Int64).self),
      let origin = body.readString(length: Int(nameCount))
    else { return nil }
    self.init(form: form, time: time, origin: origin)
  }
}
