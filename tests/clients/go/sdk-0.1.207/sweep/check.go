package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	secmaster "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/secmaster/v1"
)

type (
	object = map[string]any
	list   = []any
)

// present stands in an expectation for any value but null, an empty text, or an empty list.
const present = "<present>"

const unknownID = "00000000-0000-4000-8000-000000000000"

type sweep struct {
	client      *secmaster.SecMasterClient
	group       string
	projectID   string
	workspaceID string
}

type failure string

// here is a request to the workspace with these path and query parameters.
func (s *sweep) here(fields object) object {
	return merged(object{"workspace_id": s.workspaceID}, fields)
}

// body is a request to the workspace with this body and no further parameters.
func (s *sweep) body(body object) object {
	return s.here(object{"body": body})
}

// called invokes one operation and returns its response object as JSON, with null for what it holds nothing of. The
// envelope is checked here for every operation whose response declares one, and `wanted` has to be in it.
func called[Q, A any](s *sweep, name string, invoke func(*Q) (*A, error), given, wanted object) object {
	response, err := invoke(request[Q](s, name, given))
	if err != nil {
		s.fail(name, given, "%s", told(err))
	}
	held := asJSON(response).(object)
	kind := reflect.TypeOf(*response)
	if status := reflect.ValueOf(*response).FieldByName("HttpStatusCode").Int(); status != 200 {
		s.fail(name, given, "the status is %d", status)
	}
	envelope := object{}
	if _, declared := kind.FieldByName("XRequestId"); declared {
		envelope["X-request-id"] = present
	}
	if _, declared := kind.FieldByName("Code"); declared {
		envelope = merged(envelope, object{"code": "00000000", "message": ""})
	}
	if _, declared := kind.FieldByName("Success"); declared {
		envelope["success"] = true
	}
	for _, expected := range []object{envelope, wanted} {
		if wrong := differs(held, asJSON(expected), ""); wrong != "" {
			s.fail(name, given, "%s\n  in the answer %s", wrong, brief(held))
		}
	}
	fmt.Println("ok", s.group, name)
	return held
}

// refused invokes one operation that must be answered with 400 and this code.
func refused[Q, A any](s *sweep, name string, invoke func(*Q) (*A, error), given object, code string) {
	_, err := invoke(request[Q](s, name, given))
	var answer *sdkerr.ServiceResponseError
	if !errors.As(err, &answer) {
		s.fail(name, given, "not refused with %s: %v", code, err)
	}
	if answer.StatusCode != 400 || answer.ErrorCode != code || answer.ErrorMessage == "" || answer.RequestId == "" {
		s.fail(name, given, "not refused with 400, %s, a message and a request id: %s", code, told(err))
	}
	fmt.Println("ok", s.group, name, "refused")
}

// request makes the SDK's request of JSON; every name must be one that the SDK declares.
func request[Q any](s *sweep, name string, given object) *Q {
	made := new(Q)
	decoder := json.NewDecoder(bytes.NewReader(encoded(given)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(made); err != nil {
		s.fail(name, given, "not a request of the SDK: %v", err)
	}
	return made
}

func (s *sweep) fail(name string, given object, format string, arguments ...any) {
	why := fmt.Sprintf(format, arguments...)
	panic(failure(fmt.Sprintf("%s %s: %s\n  for the request %s", s.group, name, why, brief(given))))
}

func told(err error) string {
	var answer *sdkerr.ServiceResponseError
	if errors.As(err, &answer) {
		return fmt.Sprintf("status %d, code %q, message %q, request id %q",
			answer.StatusCode, answer.ErrorCode, answer.ErrorMessage, answer.RequestId)
	}
	return err.Error()
}

// differs says where `held` lacks something of `wanted`, which names only the members that matter; lists are compared
// whole. Empty when nothing is wrong.
func differs(held, wanted any, path string) string {
	switch want := wanted.(type) {
	case object:
		have, ok := held.(object)
		if !ok {
			return fmt.Sprintf("%s is %s, not an object", path, shown(held))
		}
		for name, value := range want {
			if wrong := differs(have[name], value, strings.TrimPrefix(path+"."+name, ".")); wrong != "" {
				return wrong
			}
		}
	case list:
		have, ok := held.(list)
		if !ok || len(have) != len(want) {
			return fmt.Sprintf("%s is %s, not %s", path, shown(held), shown(wanted))
		}
		for n, value := range want {
			if wrong := differs(have[n], value, fmt.Sprintf("%s[%d]", path, n)); wrong != "" {
				return wrong
			}
		}
	default:
		if want == present && !isEmpty(held) {
			return ""
		}
		if held != wanted {
			return fmt.Sprintf("%s is %s, not %s", path, shown(held), shown(wanted))
		}
	}
	return ""
}

func isEmpty(held any) bool {
	values, isList := held.(list)
	return held == nil || held == "" || isList && len(values) == 0
}

// at is the value at a path such as `data.0.id`.
func at(held any, path string) any {
	for _, name := range strings.Split(path, ".") {
		if values, isList := held.(list); isList {
			n, _ := strconv.Atoi(name)
			held = values[n]
		} else {
			held = held.(object)[name]
		}
	}
	return held
}

func merged(first object, others ...object) object {
	all := object{}
	for _, one := range append([]object{first}, others...) {
		for name, value := range one {
			all[name] = value
		}
	}
	return all
}

func asJSON(value any) any {
	var plain any
	if err := json.Unmarshal(encoded(value), &plain); err != nil {
		panic(err)
	}
	return plain
}

// encoded leaves <, > and & as they are: the SDK's enumerations do not read escapes.
func encoded(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return text.Bytes()
}

func brief(value any) string {
	if text := shown(value); len(text) > 800 {
		return text[:800] + "..."
	} else {
		return text
	}
}

func shown(value any) string {
	return strings.TrimSpace(string(encoded(value)))
}
