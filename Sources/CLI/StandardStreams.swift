import Glibc

/// Writing to standard output and error, unbuffered.
enum StandardStreams {
  /// One of the two.
  enum Stream: Int32 {
    case output = 1
    case error = 2
  }

  /// Writes all of `text`, or what the other end takes of it.
  static func write(_ text: String, to stream: Stream) {
    var text = text
    text.withUTF8 { bytes in
      var written = 0
      while written < bytes.count {
        let count = Glibc.write(
          stream.rawValue, bytes.baseAddress.map { $0 + written }, bytes.count - written)
        if count < 0 {
          if errno == EINTR { continue }
          return
        }
        written += count
      }
    }
  }
}
