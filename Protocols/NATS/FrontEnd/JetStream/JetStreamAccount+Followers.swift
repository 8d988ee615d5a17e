import GodwitEngine
import NATSWire
import NIOCore

/// Mirrors and streams with sources.
extension JetStreamAccount {
  /// Begins to bring into a stream what its configuration says.
  func follow(_ stream: GodwitEngine.Stream) {
    let config = JetStreamSettings.config(stream.settings)
    let isMirror = config.mirror != nil
    let wanted = config.mirror.map { [$0] } ?? config.sources
    let present = self.followers(of: stream)
    // What goes on as before is not begun anew: the stream would be looked through.
    if present.map(\.source) == wanted, present.allSatisfy({ $0.isMirror == isMirror }) { return }
    let followers = wanted.map {
      JetStreamFollower($0, of: stream, isMirror: isMirror, self)
    }
    self.setFollowers(followers, of: stream)
    if isMirror {
      followers.first?.begin(after: stream.nextOffset)
    } else if !followers.isEmpty {
      self.findLastTaken(by: followers, in: stream)
    }
  }

  /// What a stream has of its sources says where they go on.
  private func findLastTaken(by followers: [JetStreamFollower], in stream: GodwitEngine.Stream) {
    var left = followers
    stream.forEachRecordBackwards(
      while: { found in
        let headers = JetStreamMessage(found.record, self).headers
        guard headers.readableBytes > 0,
          let header = headers.withUnsafeReadableBytes({ try? NATSHeaders(parsing: $0) })?[
            "Nats-Stream-Source"],
          let (identity, sequence) = JetStreamFollower.parse(header),
          let place = left.firstIndex(where: { $0.identity == identity })
        else { return true }
        left.remove(at: place).begin(after: sequence)
        return !left.isEmpty
      },
      done: { for follower in left { follower.begin(after: 0) } })
  }

  /// What STREAM.INFO says of a stream's mirror and sources.
  func addUpstreams(of stream: GodwitEngine.Stream, to info: inout JetStreamStreamInfo) {
    let followers = self.followers(of: stream)
    if info.config.mirror != nil {
      info.mirror = followers.first?.info
    } else {
      info.sources = followers.map(\.info)
    }
  }
}
