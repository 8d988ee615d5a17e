/// Something that happened to a tenant's partitioned topics, for those who show or tell it.
public enum PartitionedTopicEvent {
  /// A topic was made.
  case created(PartitionedTopic)
  /// A topic got other settings, or more partitions.
  case updated(PartitionedTopic)
  /// A topic was deleted.
  case deleted(PartitionedTopic)
}
