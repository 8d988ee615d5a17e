// FrameworkLoad's workloads over MQTT 5.0 with paho's asynchronous client in C: the same key=value
// words, the same line of JSON. With headers=1 it sends what the framework sends with a message.
#define _GNU_SOURCE
#include <MQTTAsync.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 100, STEP = 1024, RECEIVE_MAXIMUM = 100 };
enum { ID_DIGITS = 22, TIME_DIGITS = 19 };

static const char *mode = "", *address = "127.0.0.1:1883";
static int messages = 100000, size = 16, qos, has_headers;
static char *payload;
static MQTTAsync client;
static MQTTProperties headers = MQTTProperties_initializer;
static char *id_digits, *time_digits;
// A step that is waited for, room for messages to publish, and how many are yet to come.
static sem_t done, room;
static atomic_long left;

static void fail(const char *what, int code) {
  fprintf(stderr, "%s: %s\n", what, MQTTAsync_strerror(code));
  exit(1);
}

static void check(const char *what, int code) {
  if (code != MQTTASYNC_SUCCESS) fail(what, code);
}

static void await(sem_t *semaphore) {
  while (sem_wait(semaphore)) continue;
}

static void failed(void *what, MQTTAsync_failureData5 *data) { fail(what, data->code); }

static void succeeded(void *what, MQTTAsync_successData5 *data) {
  (void)what, (void)data;
  sem_post(&done);
}

static void has_room(void *what, MQTTAsync_successData5 *data) {
  (void)what, (void)data;
  sem_post(&room);
}

static void lost(void *context, char *cause) {
  (void)context;
  fprintf(stderr, "the connection is lost: %s\n", cause ? cause : "unsaid");
  exit(1);
}

// Publishing

static void add_header(int identifier, const char *name, const char *value) {
  MQTTProperty property = {.identifier = identifier};
  MQTTLenString text = {(int)strlen(value), (char *)value};
  if (name) {
    property.value.data = (MQTTLenString){(int)strlen(name), (char *)name};
    property.value.value = text;
  } else {
    property.value.data = text;
  }
  if (MQTTProperties_add(&headers, &property)) fail("a property", MQTTASYNC_FAILURE);
}

// Made once; the library copies them with each message.
static void make_headers(void) {
  char text[32];
  add_header(MQTTPROPERTY_CODE_CONTENT_TYPE, NULL, "application/octet-stream");
  snprintf(text, sizeof text, "%0*d", ID_DIGITS, 0);
  add_header(MQTTPROPERTY_CODE_USER_PROPERTY, "message-id", text);
  snprintf(text, sizeof text, "%0*d", TIME_DIGITS, 0);
  add_header(MQTTPROPERTY_CODE_USER_PROPERTY, "Godwit-Time", text);
  id_digits = headers.array[1].value.value.data;
  time_digits = headers.array[2].value.value.data;
}

static void put_number(char *to, int digits, unsigned long long value) {
  for (int place = digits; place-- && value; value /= 10) to[place] = (char)('0' + value % 10);
}

static void publish(void) {
  static unsigned long long count;
  MQTTAsync_message message = MQTTAsync_message_initializer;
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  message.payload = payload;
  message.payloadlen = size;
  message.qos = qos;
  if (has_headers) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    put_number(id_digits, ID_DIGITS, ++count);
    put_number(time_digits, TIME_DIGITS,
               (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec);
    message.properties = headers;
  }
  options.onSuccess5 = has_room;
  options.onFailure5 = failed;
  options.context = "a publish";
  check("MQTTAsync_sendMessage", MQTTAsync_sendMessage(client, "bench/data", &message, &options));
}

// With a hundred on their way at most: at QoS 0 until they are written, at QoS 1 until they are
// acknowledged. By the hundred and waiting for the last would have it wait for its own kernel, too:
// it leaves Nagle's algorithm on.
static void publish_all(int count) {
  for (int index = 0; index < count; index++) {
    await(&room);
    publish();
  }
  for (int index = 0; index < WINDOW; index++) await(&room);
  for (int index = 0; index < WINDOW; index++) sem_post(&room);
}

// Consuming

static void tell(const char *topic, const char *text) {
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  check("MQTTAsync_send",
        MQTTAsync_send(client, topic, (int)strlen(text), text, 0, 0, &options));
}

static int arrived(void *context, char *topic, int length, MQTTAsync_message *message) {
  (void)context, (void)length;
  long now = atomic_fetch_sub(&left, 1) - 1;
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  if (now % STEP == 0) tell("bench/credit", "");
  if (now == 0) sem_post(&done);
  return 1;
}

static void consume_all(int count) {
  char order[64];
  atomic_store(&left, count);
  snprintf(order, sizeof order, "%d %d %d %d", count, size, has_headers, qos);
  tell("bench/feed", order);
  await(&done);
}

// Setting up

static void connect_client(void) {
  char url[80], name[32];
  MQTTAsync_createOptions making = MQTTAsync_createOptions_initializer5;
  MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
  MQTTProperties properties = MQTTProperties_initializer;
  MQTTProperty maximum = {.identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
                          .value.integer2 = RECEIVE_MAXIMUM};
  making.maxBufferedMessages = 2 * WINDOW;
  snprintf(url, sizeof url, "tcp://%s", address);
  snprintf(name, sizeof name, "paho-%d", getpid());
  check("MQTTAsync_create",
        MQTTAsync_createWithOptions(&client, url, name, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &making));
  check("MQTTAsync_setCallbacks", MQTTAsync_setCallbacks(client, NULL, lost, arrived, NULL));
  MQTTProperties_add(&properties, &maximum);
  options.cleanstart = 1;
  options.connectProperties = &properties;
  options.onSuccess5 = succeeded;
  options.onFailure5 = failed;
  options.context = "CONNECT";
  check("MQTTAsync_connect", MQTTAsync_connect(client, &options));
  await(&done);
  MQTTProperties_free(&properties);
}

static void subscribe_client(void) {
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.onSuccess5 = succeeded;
  options.onFailure5 = failed;
  options.context = "SUBSCRIBE";
  check("MQTTAsync_subscribe", MQTTAsync_subscribe(client, "bench/data", qos, &options));
  await(&done);
}

static double seconds_used(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Not getrusage's, which counts what the process was before this program was its own.
static long peak_kib(void) {
  char line[128];
  long peak = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &peak);
  if (status) fclose(status);
  return peak;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Runs the work for a tenth of the messages first, then for all of them, measured.
static void measure(void (*work)(int count)) {
  work(messages / 10 + 1);
  double used = seconds_used(), began = seconds_now();
  work(messages);
  used = seconds_used() - used;
  printf("{\"messages\": %d, \"lost\": 0, \"client_cpu_us\": %g, \"rss_kib\": %ld, "
         "\"seconds\": %g}\n",
         messages, used * 1e6 / messages, peak_kib(), seconds_now() - began);
}

static void read_word(const char *word) {
  const char *value = strchr(word, '=');
  if (!value++) fail(word, MQTTASYNC_BAD_STRUCTURE);
  if (!strncmp(word, "mode=", 5)) mode = value;
  else if (!strncmp(word, "addr=", 5)) address = value;
  else if (!strncmp(word, "msgs=", 5)) messages = atoi(value);
  else if (!strncmp(word, "size=", 5)) size = atoi(value);
  else if (!strncmp(word, "headers=", 8)) has_headers = atoi(value);
  else if (!strncmp(word, "qos=", 4)) qos = atoi(value);
  else if (strcmp(word, "protocol=mqtt")) fail(word, MQTTASYNC_BAD_STRUCTURE);
}

int main(int argc, char **argv) {
  for (int place = 1; place < argc; place++) read_word(argv[place]);
  payload = malloc((size_t)size + 1);
  if (!payload) fail("memory", MQTTASYNC_FAILURE);
  memset(payload, 'x', (size_t)size);
  sem_init(&done, 0, 0);
  sem_init(&room, 0, WINDOW);
  if (has_headers) make_headers();
  connect_client();
  if (!strcmp(mode, "send") || !strcmp(mode, "publish")) {
    measure(publish_all);
  } else if (!strcmp(mode, "consume")) {
    subscribe_client();
    measure(consume_all);
  } else {
    fail("mode=", MQTTASYNC_BAD_STRUCTURE);
  }
  return 0;
}
