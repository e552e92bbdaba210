"""System parameters of audio services (``IVR_*``)."""

from __future__ import annotations

from functools import partial

from vosswitch.params.kinds import Parameter, choice, ip, items, port_range, switch, text, whole

_ivr = partial(Parameter, "ivr")

PARAMETERS: tuple[Parameter, ...] = (
    _ivr("IVR_RINGING_TIMEOUT", "120", whole(0), "s", "Longest ringing of an IVR call"),
    _ivr("IVR_SETUP_TIMEOUT", "20", whole(0), "s", "Longest set-up of an IVR call"),
    _ivr("IVR_MEDIA_CHECK_TIMEOUT", "2", whole(0), "min", "No media -> hang up"),
    _ivr("IVR_CODEC_PRIORITY", "g729a,g729,g723,g711a,g711u", items(), "", "IVR codec order"),
    _ivr("IVR_RTP_PORT", "40000,47999", port_range(), "port", "IVR RTP ports"),
    _ivr("IVR_CALLBACK_KEEP_LINE_RING_TIME", "5", whole(0, 120), "s", "Ringing time kept for callback caller"),
    _ivr("IVR_CALLBACK_KEEP_LINE_TIME", "30", whole(0), "s", "Line keep time"),
    _ivr("IVR_CALL_REPORT_IP", "", ip(), "", "UDP call state report target"),
    _ivr("IVR_CALL_REPORT_PORT", "8000", whole(1, 65535), "port", "Port of the call state report target"),
    _ivr("IVR_CALL_REPORT_RETRY", "6", whole(0), "times", "Times a call state report is sent again"),
    _ivr("IVR_CALL_REPORT_RETRY_INTERVAL", "3", whole(0), "s", "Pause before a call state report is sent again"),
    _ivr("IVR_VOICEMAIL_EXPIRE_DAY", "7", whole(0), "days", "Days a voice mail is kept"),
    _ivr("IVR_VOICEMAIL_MAX_NUMBER", "10", whole(0), "items", "Voice mails kept per number"),
    _ivr("IVR_VOICEMAIL_MAX_TIME", "60", whole(0), "s", "Longest voice mail recording"),
    _ivr("IVR_VOICEMAILWELCOME", "voicemailwelcome", text(), "", "Voice mail welcome prompt"),
    _ivr("IVR_PARSE_DTMF_MODE", "Auto", choice("Auto", "Manual"), "", "DTMF analysis mode"),
    _ivr("IVR_ENABLE_PARSE_INBAND", "Off", switch(), "", "In-band DTMF"),
    _ivr("IVR_ENABLE_PARSE_SECOND_INBAND", "Off", switch(), "", "In-band DTMF on second line"),
    _ivr("IVR_ALARM_CALLER_E164", "", text(64), "", "Voice alarm caller number"),
    _ivr("IVR_ALARM_CONFIRM_KEY", "", text(1), "", "Voice alarm confirm key"),
    _ivr("IVR_ALARM_PERIOD", "5", whole(0), "min", "Voice alarm period"),
    _ivr("IVR_ALARM_RETRY", "6", whole(0), "times", "Times a voice alarm is tried again"),
    _ivr("IVR_ALARM_RETRY_INTERVAL", "20", whole(0), "s", "Pause before a voice alarm is tried again"),
    _ivr("IVR_ALARM_PRE_AUDIO", "alarmpreaudio", text(), "", "Prompt before a voice alarm"),
)
