import Godwit
import GodwitDriverKit
import NIOCore

/// Commands for a NATS connection, and the frames of those that publish: those who publish write
/// them one behind the other, and mostly the socket takes them as they stand.
struct NATSBatch: CommandBatch {
  private(set) var commands: [NATSCommand] = []
  private(set) var frames = ByteBuffer()

  var isEmpty: Bool { self.commands.isEmpty }

  mutating func append(_ command: NATSCommand) {
    self.commands.append(command)
  }

  mutating func publish(_ message: Message, _ frame: NATSFrame, _ waiter: NATSCommand.Waiter?) {
    frame.write(message, into: &self.frames)
    self.commands.append(.publish(bytes: frame.bytes, sizeMax: frame.size, waiter))
  }

  /// Takes the frames of a publish over.
  mutating func publish(_ publish: inout NATSPublish, _ waiter: NATSCommand.Waiter) {
    let bytes = publish.frames.readableBytes
    if self.frames.readableBytes == 0 {
      swap(&self.frames, &publish.frames)
    } else {
      self.frames.writeBuffer(&publish.frames)
    }
    self.commands.append(.publish(bytes: bytes, sizeMax: publish.sizeMax, waiter))
  }

  /// Appends the next frames to `out`; what is all there is moves there.
  mutating func moveFrames(_ bytes: Int, to out: inout ByteBuffer) {
    if bytes == self.frames.readableBytes, out.readableBytes == 0 {
      swap(&self.frames, &out)
    } else if var next = self.frames.readSlice(length: bytes) {
      out.writeBuffer(&next)
    }
  }

  /// The next frames by themselves: they keep no other memory than their own.
  mutating func takeFrames(_ bytes: Int) -> ByteBuffer {
    self.frames.readSlice(length: bytes).map { ByteBuffer(bytes: $0.readableBytesView) }
      ?? ByteBuffer()
  }

  /// The most bytes, and the most commands, that room is kept for.
  private static let roomMax = (bytes: 256 << 10, commands: 4_096)

  /// Forgets everything, but for the room it took.
  mutating func clear() {
    self.commands.removeAll(keepingCapacity: self.commands.count <= Self.roomMax.commands)
    if self.frames.capacity <= Self.roomMax.bytes {
      self.frames.clear()
    } else {
      self.frames = ByteBuffer()
    }
  }
}

extension Mailbox where Batch == NATSBatch {
  /// Leaves a command that always has room.
  func post(_ command: NATSCommand) throws(GodwitError) -> Bool {
    try self.post { $0.append(command) }
  }
}
