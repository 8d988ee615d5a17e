#if Protobuf
  public import Godwit
  public import SwiftProtobuf

  extension Topic where Payload: SwiftProtobuf.Message {
    /// A topic whose payloads are Protocol Buffers, `application/protobuf`.
    public init(_ name: String) {
      self.init(name, contentType: "application/protobuf")
    }
  }

  extension TopicPattern where Payload: SwiftProtobuf.Message {
    /// A pattern over topics whose payloads are Protocol Buffers, `application/protobuf`.
    public init(_ pattern: String) {
      self.init(pattern, contentType: "application/protobuf")
    }
  }
#endif
