// Says in a signup form what time zone the browser is in, so that a newsletter can come at its hour where the reader lives.
// Without this script the form works as well, and the newsletter's own clock holds.
for (const field of document.querySelectorAll("input[type=hidden][name=time_zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
