import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.huaweicloud.sdk.core.SdkResponse;
import com.huaweicloud.sdk.core.exception.SdkException;
import com.huaweicloud.sdk.core.exception.ServiceResponseException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Function;

/** Calls operations of the SDK on one workspace for one group of the sweep, and checks what the SDK's objects hold. */
class Desk {

    /** Stands in an expectation for any value but null, an empty text, or an empty list. */
    static final String PRESENT = "<present>";

    static final String UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

    /** Unlike the SDK's own, refuses names that a request of the SDK does not declare. */
    private static final ObjectMapper JSON = new ObjectMapper();

    static class Failure extends RuntimeException {
        Failure(String message) {
            super(message);
        }
    }

    final String projectId;
    final String workspaceId;
    private final String group;

    Desk(String group, String projectId, String workspaceId) {
        this.group = group;
        this.projectId = projectId;
        this.workspaceId = workspaceId;
    }

    /** A request to the workspace with these path and query parameters, and a body. */
    ObjectNode here(Object body, String... namesAndValues) {
        ObjectNode request = object("workspace_id", workspaceId);
        for (int n = 0; n < namesAndValues.length; n += 2) {
            request.put(namesAndValues[n], namesAndValues[n + 1]);
        }
        if (body != null) {
            request.set("body", JSON.valueToTree(body));
        }
        return request;
    }

    /**
     * Invokes one operation and returns its response object as JSON. The envelope is checked here for every operation
     * whose response declares one, and `wanted` has to be in it.
     */
    <Q, A extends SdkResponse> JsonNode called(
            String name, Class<Q> kind, Function<Q, A> invoke, JsonNode given, JsonNode wanted) {
        A response;
        try {
            response = invoke.apply(request(name, kind, given));
        } catch (SdkException wrong) {
            throw failure(name, given, told(wrong));
        }
        JsonNode held = JSON.valueToTree(response);
        if (response.getHttpStatusCode() != 200) {
            throw failure(name, given, "the status is " + response.getHttpStatusCode());
        }
        ObjectNode envelope = JSON.createObjectNode();
        if (declares(response, "getXRequestId")) {
            envelope.put("X-request-id", PRESENT);
        }
        if (declares(response, "getCode")) {
            envelope.put("code", "00000000").put("message", "");
        }
        if (declares(response, "getSuccess")) {
            envelope.put("success", true);
        }
        for (JsonNode expected : Arrays.asList(envelope, wanted)) {
            String wrong = differs(held, expected, "");
            if (wrong != null) {
                throw failure(name, given, wrong + "\n  in the answer " + brief(held));
            }
        }
        System.out.println("ok " + group + " " + name);
        return held;
    }

    /** Invokes one operation that must be answered with 400 and this code. */
    <Q, A extends SdkResponse> void refused(
            String name, Class<Q> kind, Function<Q, A> invoke, JsonNode given, String code) {
        try {
            invoke.apply(request(name, kind, given));
        } catch (ServiceResponseException answer) {
            boolean explained = answer.getErrorMsg() != null && answer.getRequestId() != null;
            if (answer.getHttpStatusCode() != 400 || !code.equals(answer.getErrorCode()) || !explained) {
                throw failure(name, given,
                        "not refused with 400, " + code + ", a message and a request id: " + told(answer));
            }
            System.out.println("ok " + group + " " + name + " refused");
            return;
        }
        throw failure(name, given, "not refused with " + code);
    }

    private <Q> Q request(String name, Class<Q> kind, JsonNode given) {
        try {
            return JSON.treeToValue(given, kind);
        } catch (JsonProcessingException wrong) {
            throw failure(name, given, "not a request of the SDK: " + wrong.getMessage());
        }
    }

    private Failure failure(String name, JsonNode given, String why) {
        return new Failure(group + " " + name + ": " + why + "\n  for the request " + brief(given));
    }

    private static String brief(JsonNode value) {
        String text = value.toString();
        return text.length() > 800 ? text.substring(0, 800) + "..." : text;
    }

    private static String told(SdkException wrong) {
        if (wrong instanceof ServiceResponseException answer) {
            return "status %d, code %s, message %s, request id %s".formatted(
                    answer.getHttpStatusCode(), answer.getErrorCode(), answer.getErrorMsg(), answer.getRequestId());
        }
        return wrong.toString();
    }

    private static boolean declares(Object response, String getter) {
        return Arrays.stream(response.getClass().getMethods()).anyMatch(method -> method.getName().equals(getter));
    }

    /**
     * Where `held` lacks something of `wanted`, which names only the members that matter; lists are compared whole. Null
     * when nothing is wrong.
     */
    private static String differs(JsonNode held, JsonNode wanted, String path) {
        if (wanted.isObject() && held.isObject()) {
            for (Iterator<Map.Entry<String, JsonNode>> members = wanted.fields(); members.hasNext(); ) {
                Map.Entry<String, JsonNode> member = members.next();
                String wrong = differs(held.path(member.getKey()), member.getValue(), path + "." + member.getKey());
                if (wrong != null) {
                    return wrong;
                }
            }
            return null;
        }
        if (wanted.isArray() && held.isArray() && wanted.size() == held.size()) {
            for (int n = 0; n < wanted.size(); n++) {
                String wrong = differs(held.get(n), wanted.get(n), path + "[" + n + "]");
                if (wrong != null) {
                    return wrong;
                }
            }
            return null;
        }
        boolean isPresent = !held.isMissingNode() && !held.isNull() && !held.asText("-").isEmpty()
                && !(held.isArray() && held.isEmpty());
        boolean isAsWanted = wanted.asText().equals(PRESENT) ? isPresent
                : wanted.isNumber() && held.isNumber() ? wanted.decimalValue().compareTo(held.decimalValue()) == 0
                : wanted.equals(held);
        return isAsWanted ? null : "%s is %s, not %s".formatted(path.substring(1), held, wanted);
    }

    /** JSON from its text with single quotes, in which each %s stands for a value. */
    static ObjectNode json(String text, Object... values) {
        try {
            return (ObjectNode) JSON.readTree(text.replace('\'', '"').formatted(values));
        } catch (JsonProcessingException wrong) {
            throw new IllegalArgumentException(text, wrong);
        }
    }

    static ObjectNode object(String name, Object value) {
        return JSON.createObjectNode().set(name, JSON.valueToTree(value));
    }

    static ObjectNode merged(ObjectNode first, ObjectNode... others) {
        ObjectNode all = first.deepCopy();
        for (ObjectNode one : others) {
            all.setAll(one);
        }
        return all;
    }
}
