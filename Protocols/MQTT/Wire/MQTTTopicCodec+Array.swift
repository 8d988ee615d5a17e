extension MQTTTopicCodec {
  /// The canonical form of a name that `MQTTTopicName.isValid` or a filter that `MQTTTopicFilter`
  /// accepted.
  public static func canonical(_ name: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: capacity(name.count)) { out, count in
      guard let base = out.baseAddress else { return }
      count = encode(name, into: UnsafeMutableRawPointer(base))
    }
  }

  /// MQTT's form of a canonical topic; `nil` when there is none.
  public static func name(_ canonical: [UInt8]) -> [UInt8]? {
    canonical.withUnsafeBytes { bytes in
      var isSaid = false
      let name = [UInt8](unsafeUninitializedCapacity: capacity(bytes.count)) { out, count in
        guard let base = out.baseAddress,
          let size = decode(bytes, into: UnsafeMutableRawPointer(base))
        else { return }
        isSaid = true
        count = size
      }
      return isSaid ? name : nil
    }
  }
}
